// The inputs of the decode graph: whole sequences after a prefix, or new tokens of rows that have keys and values.

import { type HostTensor, int64, type Tensor, type Tensors } from '@ludic/runtime';
import type { ModelConfig } from '../config/model-config.ts';
import { NO_PAST, type PastRows, pastBias, span, windowBias } from './attention-bias.ts';
import { padToRows, type TokenSpan, tokenInputs } from './packed-tokens.ts';

/** Tokens that all rows of a run begin with, and their keys and values, by the names of `cacheNames`. */
export interface CachedPrefix {
  readonly tokens: Int32Array;
  readonly tensors: Tensors;
}

/** The rows that a run goes on from, after the prefix; `tensors` by the names of `cacheNames`. */
export interface CachedRows extends PastRows {
  readonly tensors: Tensors;
}

export interface DecodeInputs {
  /** All inputs but the parameters, `logit_positions` and those of sampling. */
  readonly inputs: Record<string, Tensor>;
  /** The packed index of each row's last token. */
  readonly lastTokens: readonly number[];
}

/** Feeds what comes after the prefix in each sequence, at least one token each. */
export function prefillInputs(
  config: ModelConfig,
  sequences: readonly Int32Array[],
  prefix?: CachedPrefix,
): DecodeInputs {
  const known = prefix?.tokens.length ?? 0;
  const spans = sequences.map((sequence) => ({ ids: sequence.subarray(known), position: known }));
  return decodeInputs(config, spans, prefix);
}

/** Feeds new tokens, at least one each, to rows with keys and values of their own. */
export function extendInputs(
  config: ModelConfig,
  fed: readonly Int32Array[],
  past: CachedRows,
  prefix?: CachedPrefix,
): DecodeInputs {
  const known = prefix?.tokens.length ?? 0;
  const spans = fed.map((ids, row) => ({ ids, position: known + past.lengths[row]! }));
  return decodeInputs(config, spans, prefix, past);
}

function decodeInputs(
  config: ModelConfig,
  spans: readonly TokenSpan[],
  prefix?: CachedPrefix,
  past?: CachedRows,
): DecodeInputs {
  const known = prefix?.tokens.length ?? 0;
  const { inputs, steps, lastTokens } = padToRows(spans.map(({ ids }) => ids.length));
  return {
    inputs: {
      ...tokenInputs(config, spans),
      ...inputs,
      bias: pastBias(past ?? NO_PAST, known, steps, config.heads / config.kvHeads),
      ...localPastBias(config, past ?? NO_PAST, known, steps),
      ...keysAndValues(steps, prefix, past),
    },
    lastTokens,
  };
}

/** What layers with a sliding window see. */
function localPastBias(
  { slidingWindow, heads, kvHeads }: ModelConfig,
  { lengths, capacity }: PastRows,
  known: number,
  steps: number,
): { local_bias?: HostTensor } {
  if (!slidingWindow) return {};
  const rows = Array.from(lengths, (length) => {
    const past = span(known, capacity).map((position) => (position < known + length ? position : -1));
    const own = span(known + length, steps);
    return { queries: own, keys: [...span(0, known), ...past, ...own] };
  });
  return { local_bias: windowBias(rows, slidingWindow.size, heads / kvHeads) };
}

/** What is known already, and how many keys each segment has: prefix, past and new tokens. */
function keysAndValues(steps: number, prefix?: CachedPrefix, past?: CachedRows): Record<string, Tensor> {
  const sizes = [...(prefix ? [prefix.tokens.length] : []), ...(past ? [past.capacity] : []), steps];
  const named = (start: string, tensors: Tensors = {}) =>
    Object.entries(tensors).map(([name, tensor]) => [`${start}_${name}`, tensor] as const);
  return {
    ...Object.fromEntries([...named('prefix', prefix?.tensors), ...named('past', past?.tensors)]),
    key_cut: int64(sizes, [sizes.length]),
  };
}
