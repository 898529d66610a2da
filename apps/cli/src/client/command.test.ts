// What the help of `ludic client` says holds where nothing is given.

import { expect, it } from 'vitest';
import { clientCommand } from './command.ts';

const textOf = (long: string) => clientCommand().options.find((option) => option.long === long)?.description;

it('names the defaults that the client itself has', () => {
  expect(textOf('--temperature')).toMatch(/; evaluate: [^;]*\(default: 0\); rollout: /);
  expect(textOf('--timeout')).toMatch(/default: 30; for games 630/);
});

it('leaves to the model what it carries of its game', () => {
  expect(textOf('--max-steps')).toMatch(/default: as in the model's training, where it carries its game, otherwise 50/);
});
