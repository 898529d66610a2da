// The episodes of an update as one batch: what of them is learned from, with which weight, and as lists of tokens.

import { PlacedTokens } from '@ludic/inference/internal';
import type { TokenNode } from '@ludic/models/internal';
import type { Episode } from '@ludic/rollouts';
import { tokenWeights } from '../loss/loss.ts';
import type { TokenBatch } from '../loss/loss-metrics.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import { promptsInOneTree, type Sample, tokenColumns } from './samples.ts';

/** Where each turn's prompt ends in the token tree of the batch; undefined for replies without tokens. */
export type PromptNodes = readonly (readonly (TokenNode | undefined)[])[];

/**
 * The prompts of all turns in one tree: that in which they were sampled or, where they come from several samplers or
 * processes, one that is built of their ids.
 */
export function promptNodesOf(episodes: readonly Episode[]): PromptNodes {
  const tokens = episodes.flatMap(({ turns }) => turns.flatMap(({ reply }) => reply.tokens ?? []));
  const nodes = promptsInOneTree(
    tokens.map((each) => ({ prompt: each.prompt, promptNode: PlacedTokens.promptNode(each) })),
  ).values();
  return episodes.map(({ turns }) => turns.map(({ reply }) => (reply.tokens ? nodes.next().value : undefined)));
}

/** For each episode the replies that count, with their advantages and their weight in the loss of the whole batch. */
export function samplesOf(
  episodes: readonly Episode[],
  advantages: readonly Float64Array[],
  settings: TrainSettings,
  promptNodes: PromptNodes = promptNodesOf(episodes),
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
      return [
        {
          prompt,
          completion,
          promptNode: promptNodes[i]![t],
          oldLogprobs: logprobs,
          advantage: advantages[i]![t]!,
          weight: weights[i]!,
        },
      ];
    });
  });
}

/** Samples and their present log-probabilities as flat lists. */
export function flatTokens(samples: readonly Sample[], logprobs: readonly Float32Array[]): TokenBatch {
  const { weights, trainerLogprobs: _, ...columns } = tokenColumns(samples);
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
