// What the watchdogs know of a run beside its numbers: the settings that a cure may name, and how long a reply is.

import type { LanguageModel } from '@ludic/policies';
import type { Episode } from '@ludic/rollouts';
import { shortestReply } from '../rehearsal.ts';
import { tableOf } from '../table.ts';
import type { TrainSettings } from '../train-settings.ts';
import type { Watched } from './rules.ts';

/** @returns what to ask at every step */
export async function watchedOf(
  settings: TrainSettings,
  { tokenizer }: Pick<LanguageModel, 'tokenizer'>,
): Promise<(episodes: readonly Episode[]) => Watched> {
  const { maxCompletionLength, groupSize, learningRate, loss, warmStart } = settings;
  const { invalid_penalty: penalty } = tableOf(settings).config as Readonly<Record<string, unknown>>;
  const known = {
    maxCompletionLength,
    groupSize,
    learningRate,
    beta: loss.beta,
    entropyCoefficient: loss.entropyCoefficient,
    warmStartSteps: typeof warmStart === 'object' ? warmStart.steps : 0,
    invalidPenalty: typeof penalty === 'number' ? penalty : undefined,
    replyTokens: await shortestReply(settings, tokenizer),
  };
  return (episodes) => ({ ...known, firstFailure: episodes.find(({ error }) => error !== undefined)?.error });
}
