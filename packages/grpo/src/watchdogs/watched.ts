// What the watchdogs know of a run beside its numbers: the settings that a cure may name, and how long a reply is.

import type { LanguageModel } from '@ludic/inference';
import { shortestReply } from '../run/probe-prompts.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import { specOf } from '../trainer/played-spec.ts';
import type { Watched } from './rules.ts';

export async function watchedOf(
  settings: TrainSettings,
  { tokenizer }: Pick<LanguageModel, 'tokenizer'>,
): Promise<Watched> {
  const { loss, warmStart } = settings;
  const { invalid_penalty: penalty } = specOf(settings).config;
  return {
    ...settings,
    ...loss,
    warmStartSteps: typeof warmStart === 'object' ? warmStart.steps : 0,
    invalidPenalty: typeof penalty === 'number' ? penalty : undefined,
    replyTokens: await shortestReply(settings, tokenizer),
  };
}
