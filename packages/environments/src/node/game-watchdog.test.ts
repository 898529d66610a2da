// A process whose game never comes back is ended from within, and says which game it was.

import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { stuckGame } from '../watch.ts';
import { SharedCall } from './shared-call.ts';

const source = (file: string) => pathToFileURL(fileURLToPath(new URL(file, import.meta.url))).href;
const run = (body: string) =>
  spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { CheckedGame, findEnvironment, resolveConfig } from ${JSON.stringify(source('../index.ts'))};
       import { watchThread } from ${JSON.stringify(source('../node.ts'))};
       const definition = findEnvironment('tic_tac_toe');
       const config = resolveConfig(definition);
       const watchdog = watchThread({ timeoutSeconds: 0.5, advice: ' Mend it.' });
       const loop = { ...definition, create: (c) => ({ ...definition.create(c), reset: () => '', step: () => { for (;;); } }) };
       ${body}`,
    ],
    { encoding: 'utf8', timeout: 60_000 },
  );

it('tells game, turn and seeds, and ends the process', () => {
  const { signal, stderr } = run(`
    const game = new CheckedGame(loop, config);
    game.reset(2 ** 50, { dynamicsSeed: 7 });
    game.step('x');`);
  expect(signal).toBe('SIGKILL');
  expect(stderr).toContain(
    'step of tic_tac_toe at turn 1 (seed 1125899906842624, dynamics seed 7) has not come back for 0.5 seconds, so its process was ended. Mend it.',
  );
  expect(stuckGame(`before\n${stderr}after`)).toMatch(/^step of .* was ended\.$/);
});

it('ends nothing that comes back, waits or computes outside of games, and lets the process go', () => {
  const { status, stderr } = run(`
    const game = new CheckedGame(definition, config);
    for (let i = 0; i < 20000; i++) { game.reset(i); game.step('<move>5</move>'); }
    await new Promise((resolve) => setTimeout(resolve, 1200));
    const end = performance.now() + 1200;
    while (performance.now() < end);`);
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

it('ends nothing once it is stopped', () => {
  const { status } = run(`
    watchdog.stop();
    const slow = { ...definition, create: () => ({ reset: () => { const end = performance.now() + 1500; while (performance.now() < end); return ''; } }) };
    new CheckedGame(slow, config).reset(1);`);
  expect(status).toBe(0);
});

it('reads what was written, whatever the names', () => {
  const writer = new SharedCall();
  const reader = new SharedCall(writer.buffer);
  for (const call of [
    { game: 'a', call: 'step', seed: 1, dynamicsSeed: 2 ** 53, turn: 3 },
    { game: 'a', call: 'player ünï 🎲', seed: 0, dynamicsSeed: 0, turn: 0 },
    { game: 'longer_name', call: 'reset', seed: 5, dynamicsSeed: 6, turn: 7 },
  ]) {
    writer.enter(call);
    expect(reader.counter % 2).toBe(1);
    expect(reader.read()).toEqual(call);
    writer.leave();
    expect(reader.counter % 2).toBe(0);
  }
});
