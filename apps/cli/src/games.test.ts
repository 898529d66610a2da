// The list of games tells all that can be set, as the games themselves have it.

import { environments } from '@ludic/environments';
import { expect, it } from 'vitest';
import { runLudic } from '../testing/run-ludic.ts';

it('every game is listed with its settings, defaults, players and histories', async () => {
  const { stdout, code } = await runLudic('games');
  expect(code).toBe(0);
  for (const { id, configSchema, experts } of environments.values()) {
    const part = stdout.slice(stdout.indexOf(`${id}  `));
    for (const [name, { default: value }] of Object.entries(configSchema.properties))
      expect(part).toMatch(new RegExp(`^ {4}${name} .*\\(default: ${value}\\)$`, 'm'));
    expect(part).toContain(`Scripted players (--model): ${Object.keys(experts).join(', ')}`);
  }
  expect(stdout).toContain('NO_HISTORY, FULL_HISTORY, SCRATCHPAD, OPTIMAL_SCRATCHPAD');
});

it('one game comes with a command that runs, and as JSON with its schema', async () => {
  const { stdout } = await runLudic('games', 'tic_tac_toe');
  const [, config] = stdout.match(/^Try it: evaluate --env tic_tac_toe --model nano --env-config '(.*)'$/m)!;
  expect((await runLudic('rollout', '--env', 'tic_tac_toe', '--env-config', config!)).code).toBe(0);
  const json = JSON.parse((await runLudic('games', 'key_door', '--json')).stdout);
  expect(json).toMatchObject({ env_type: 'key_door', config_schema: environments.get('key_door')!.configSchema });
});

it('an unknown game is answered with those that are there', async () => {
  const { stderr, code } = await runLudic('games', 'chess');
  expect(code).toBe(2);
  expect(stderr).toMatch(/chess.*tic_tac_toe/);
});
