// The settings that were chosen for a run because its options did not name them, in a few lines.

import type { Choice } from '@ludic/grpo';
import { flagOf } from '../options/fields.ts';

const WIDTH = 110;

/** Written as the options that would name them. */
export function choicesText(choices: readonly Choice[]): string {
  const game = choices.filter(({ field }) => field.startsWith('env_config.'));
  const config = Object.fromEntries(game.map(({ field, value }) => [field.slice('env_config.'.length), value]));
  const words = [
    ...choices.filter((choice) => !game.includes(choice)).map(({ field, value }) => `${flagOf(field)} ${value}`),
    ...(game.length > 0 ? [`--env-config '${JSON.stringify(config)}'`] : []),
  ];
  const lines = [''];
  for (const word of words) {
    const last = lines.at(-1)!;
    if (last.length + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return `Chosen for this run (docs/settings.md says why; name one to change it):\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
