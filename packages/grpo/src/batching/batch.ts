// The episodes of an update as one batch: what of them is learned from, with which weight, and as lists of tokens.

import type { Episode } from '@ludic/rollouts';
import { tokenWeights } from '../loss/loss.ts';
import type { TokenBatch } from '../loss/loss-metrics.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import { type Sample, tokenColumns } from './samples.ts';

/** For each episode the replies that count, with their advantages and their weight in the loss of the whole batch. */
export function samplesOf(
  episodes: readonly Episode[],
  advantages: readonly Float64Array[],
  settings: TrainSettings,
): Sample[][] {
  const counts = (episode: Episode) => (turn: Episode['turns'][number]) =>
    turn.reply.tokens !== undefined &&
    episode.endReason !== 'failed' &&
    !(settings.maskTruncatedCompletions && turn.reply.finish === 'length');
  const tokenCounts = episodes.map((episode) =>
    episode.turns.filter(counts(episode)).reduce((sum, turn) => sum + turn.reply.tokens!.completion.length, 0),
  );
  const batchTokens = tokenCounts.reduce((a, b) => a + b, 0);
  const weights = tokenWeights(tokenCounts, {
    lossType: settings.loss.lossType,
    maxCompletionLength: settings.maxCompletionLength,
    batchTokens,
  });
  return episodes.map((episode, i) => {
    const counted = counts(episode);
    return episode.turns.flatMap((turn, t): Sample[] => {
      if (!counted(turn)) return [];
      const { prompt, completion, logprobs } = turn.reply.tokens!;
      return [{ prompt, completion, oldLogprobs: logprobs, advantage: advantages[i]![t]!, weight: weights[i]! }];
    });
  });
}

/**
 * The same episodes with one array for equal prompts, wherever they were encoded: credit and paths know prompts by
 * their arrays.
 */
export function withSharedPrompts(episodes: readonly Episode[]): readonly Episode[] {
  const first = new Map<Int32Array, Int32Array>();
  const byHash = new Map<number, Int32Array[]>();
  let shared = true;
  for (const { turns } of episodes) {
    for (const { reply } of turns) {
      const prompt = reply.tokens?.prompt;
      if (!prompt || first.has(prompt)) continue;
      const hash = hashOf(prompt);
      const alike = byHash.get(hash);
      const known = alike?.find((other) => equal(other, prompt));
      if (known) shared = false;
      else if (alike) alike.push(prompt);
      else byHash.set(hash, [prompt]);
      first.set(prompt, known ?? prompt);
    }
  }
  if (shared) return episodes;
  return episodes.map((episode) => ({
    ...episode,
    turns: episode.turns.map((turn) => {
      const { tokens } = turn.reply;
      return tokens
        ? { ...turn, reply: { ...turn.reply, tokens: { ...tokens, prompt: first.get(tokens.prompt)! } } }
        : turn;
    }),
  }));
}

/** FNV-1a over whole numbers. */
function hashOf(ids: Int32Array): number {
  let hash = 0x811c9dc5;
  for (const id of ids) hash = Math.imul(hash ^ id, 0x01000193);
  return hash;
}

const equal = (a: Int32Array, b: Int32Array): boolean => a.length === b.length && a.every((id, i) => id === b[i]);

/** Samples and their present log-probabilities as flat lists. */
export function flatTokens(samples: readonly Sample[], logprobs: readonly Float32Array[]): TokenBatch {
  const { weights, ...columns } = tokenColumns(samples);
  return { logprobs: concatenated(logprobs, weights.length), ...columns, sequences: samples.length };
}

function concatenated(parts: readonly ArrayLike<number>[], length: number): Float32Array {
  const whole = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The lists of several shards as one. */
export function joinedTokens(parts: readonly TokenBatch[]): TokenBatch {
  if (parts.length === 1) return parts[0]!;
  const tokens = parts.reduce((sum, { logprobs }) => sum + logprobs.length, 0);
  const joined = (name: 'logprobs' | 'oldLogprobs' | 'referenceLogprobs' | 'advantages') =>
    concatenated(
      parts.map((part) => part[name]),
      tokens,
    );
  let sequences = 0;
  const sequenceOf = parts.flatMap((part) => {
    const first = sequences;
    sequences += part.sequences;
    return Array.from(part.sequenceOf, (sequence) => first + sequence);
  });
  return {
    logprobs: joined('logprobs'),
    oldLogprobs: joined('oldLogprobs'),
    referenceLogprobs: joined('referenceLogprobs'),
    advantages: joined('advantages'),
    sequenceOf: Int32Array.from(sequenceOf),
    sequences,
  };
}
