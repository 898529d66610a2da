// The episodes of an update as one batch: what of them is learned from, with which weight, and as lists of tokens.

import type { Episode } from '@ludic/rollouts';
import type { TokenBatch } from '../loss/loss-metrics.ts';
import { tokenWeights } from '../loss/token-weights.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import type { Sample } from './samples.ts';

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

/** Samples and their present log-probabilities as flat lists. A sequence is one reply. */
export function flatTokens(samples: readonly Sample[], logprobs: readonly Float32Array[]): TokenBatch {
  const tokens = samples.reduce((sum, sample) => sum + sample.completion.length, 0);
  const flat = {
    logprobs: new Float32Array(tokens),
    oldLogprobs: new Float32Array(tokens),
    referenceLogprobs: new Float32Array(tokens),
    advantages: new Float32Array(tokens),
  };
  const sequenceOf = new Int32Array(tokens);
  let at = 0;
  for (const [s, sample] of samples.entries()) {
    const end = at + sample.completion.length;
    flat.logprobs.set(logprobs[s]!, at);
    flat.oldLogprobs.set(sample.oldLogprobs, at);
    if (sample.referenceLogprobs) flat.referenceLogprobs.set(sample.referenceLogprobs, at);
    flat.advantages.fill(sample.advantage, at, end);
    sequenceOf.fill(s, at, end);
    at = end;
  }
  return { ...flat, sequenceOf, sequences: samples.length };
}

/** The lists of several shards as one. */
export function joinedTokens(parts: readonly TokenBatch[]): TokenBatch {
  if (parts.length === 1) return parts[0]!;
  const numbers = (list: (part: TokenBatch) => ArrayLike<number>) => {
    const whole = new Float32Array(parts.reduce((sum, part) => sum + list(part).length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(list(part), at);
      at += list(part).length;
    }
    return whole;
  };
  const sequenceOf: number[] = [];
  let sequences = 0;
  for (const part of parts) {
    for (let t = 0; t < part.sequenceOf.length; t++) sequenceOf.push(sequences + part.sequenceOf[t]!);
    sequences += part.sequences;
  }
  return {
    logprobs: numbers((part) => part.logprobs),
    oldLogprobs: numbers((part) => part.oldLogprobs),
    referenceLogprobs: numbers((part) => part.referenceLogprobs ?? []),
    advantages: numbers((part) => part.advantages),
    sequenceOf: Int32Array.from(sequenceOf),
    sequences,
  };
}
