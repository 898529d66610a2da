// --step-timeout: longest time of one call of a game. A call that blocks the thread can only be ended with the process; a
// promise that does not settle ends its own episode.

import { limitAnswers } from '@ludic/environments';
import { watchThread } from '@ludic/environments/node';
import { STEP_TIMEOUT } from '@ludic/grpo/node';
import { Option } from 'commander';
import { whole } from './input.ts';

export const stepTimeoutOption = (): Option =>
  new Option(
    '--step-timeout <s>',
    'Longest time of one call of a game in seconds, after which the program ends; 0: no limit',
  )
    .argParser(whole(0))
    .default(STEP_TIMEOUT);

/** @param advice a sentence after the one that names game, seed and turn */
export function watchGames(timeoutSeconds: number, advice = ''): void {
  if (timeoutSeconds > 0) watchThread({ timeoutSeconds, advice: advice === '' ? '' : ` ${advice}` });
  else limitAnswers(0);
}
