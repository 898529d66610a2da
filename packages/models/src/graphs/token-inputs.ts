// The tokens that a graph computes, packed one sequence after the other without padding: how a graph declares their ids,
// positions and rotary tables, and the tensors of a run.

import type { Graph } from '@ludic/graph';
import { float32, type HostTensor, int32, int64 } from '@ludic/runtime';
import type { PackedTokens } from '../architectures/family.ts';
import { rotaryTables } from '../architectures/rope.ts';
import type { ModelConfig } from '../config/model-config.ts';

/** Declares `ids`, `positions` and the rotary tables: `cos` and `sin`, `local_cos` and `local_sin`. */
export function declareTokens(graph: Graph, config: ModelConfig, tokens: string): PackedTokens {
  const table = (name: string) => graph.input(name, 'float32', ['positions', config.headDim / 2]);
  return {
    ids: graph.input('ids', 'int32', [tokens]),
    positions: config.rotary
      ? graph.input('positions', 'int64', [tokens, 1])
      : graph.input('positions', 'int32', [tokens]),
    ...(config.rotary && { rotary: { cos: table('cos'), sin: table('sin') } }),
    ...(config.localRotary && { localRotary: { cos: table('local_cos'), sin: table('local_sin') } }),
  };
}

/** Neighbouring tokens of one sequence. */
export interface TokenSpan {
  readonly ids: Int32Array;
  /** The position of the first in its sequence. */
  readonly position: number;
}

/** The inputs that `declareTokens` declares, for tokens that are packed in this order. */
export function tokenInputs(config: ModelConfig, spans: readonly TokenSpan[]): Record<string, HostTensor> {
  const tokens = spans.reduce((sum, { ids }) => sum + ids.length, 0);
  const ids = new Int32Array(tokens);
  const positions = new Int32Array(tokens);
  let at = 0;
  let length = 0;
  for (const span of spans) {
    ids.set(span.ids, at);
    for (let i = 0; i < span.ids.length; i++) positions[at++] = span.position + i;
    length = Math.max(length, span.position + span.ids.length);
  }
  return {
    ids: int32(ids, [tokens]),
    positions: config.rotary ? int64(positions, [tokens, 1]) : int32(positions, [tokens]),
    ...rotaryInputs(config, length),
  };
}

const tables = new WeakMap<
  ModelConfig,
  { readonly positions: number; readonly inputs: Readonly<Record<string, HostTensor>> }
>();

/** The rotary tables of a model for at least `positions` positions; kept and grown, since every run asks. */
function rotaryInputs(config: ModelConfig, positions: number): Readonly<Record<string, HostTensor>> {
  const known = tables.get(config);
  if (known && known.positions >= positions) return known.inputs;
  const size = Math.max(64, 2 ** Math.ceil(Math.log2(positions)));
  const dims = [size, config.headDim / 2];
  const inputs: Record<string, HostTensor> = {};
  for (const [prefix, rotary] of [
    ['', config.rotary],
    ['local_', config.localRotary],
  ] as const) {
    if (!rotary) continue;
    const { cos, sin } = rotaryTables(rotary, config.headDim, size);
    inputs[`${prefix}cos`] = float32(cos, dims);
    inputs[`${prefix}sin`] = float32(sin, dims);
  }
  tables.set(config, { positions: size, inputs });
  return inputs;
}
