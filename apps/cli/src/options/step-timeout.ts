// --step-timeout: how long one call of a game may take before the process is ended, since nothing else could end it.

import { watchThread } from '@ludic/environments/node';
import { STEP_TIMEOUT } from '@ludic/grpo/node';
import { Option } from 'commander';
import { whole } from './input.ts';

export const stepTimeoutOption = (): Option =>
  new Option('--step-timeout <s>', 'Seconds after which a game that does not come back ends the program; 0: never')
    .argParser(whole(0))
    .default(STEP_TIMEOUT);

/** @param advice what follows the sentence that names game, seed and turn */
export function watchGames(timeoutSeconds: number, advice = ''): void {
  if (timeoutSeconds > 0) watchThread({ timeoutSeconds, advice: advice === '' ? '' : ` ${advice}` });
}
