// npm start: trains nano at Tic-Tac-Toe and shows that it got better.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decideSettings, NANO_TRAITS } from '@ludic/grpo';
import { DEMO_PRESET } from '@ludic/grpo/internal';
import { type Evaluation, evaluate } from '@ludic/rollouts';
import { resolveSpec } from '@ludic/rollouts/internal';
import { Command } from 'commander';
import { openPolicy } from './models/open.ts';
import { paint } from './paint.ts';
import { trainInFolder } from './train/train-in-folder.ts';
import { duration, percent } from './units.ts';

const GAMES = 1000;

const { settings: SETTINGS } = decideSettings({
  environment: 'tic_tac_toe',
  environmentConfig: DEMO_PRESET.environmentConfig,
  given: DEMO_PRESET.fields,
  model: NANO_TRAITS,
});

export function demoCommand(): Command {
  return new Command('demo')
    .description('Train nano at Tic-Tac-Toe for a few minutes and compare before with after')
    .option('--out <folder>', 'Folder to keep the run in')
    .action(async ({ out }: { out?: string }) => {
      const began = performance.now();
      const scratch = out === undefined ? await mkdtemp(join(tmpdir(), 'ludic-')) : undefined;
      const folder = out ?? join(scratch!, 'run');
      try {
        console.log(
          paint(
            'bold',
            'Ludic trains a small language model at Tic-Tac-Toe against a random opponent, with GRPO on this CPU.',
          ),
        );
        console.log('Its first weights know how a reply looks and nothing about the game.\n');
        const before = await measure('nano');
        const result = await trainInFolder({ kind: 'new', model: 'nano', settings: SETTINGS }, folder, {});
        if (result.status === 'interrupted') return;
        const after = await measure(join(folder, 'final'));
        console.log(`\n${table(before, after)}\n`);
        console.log(`${duration((performance.now() - began) / 1000)} in all. What to try next:`);
        console.log(
          '  npm run ludic -- train --recipe tic-tac-toe-random --out runs/first   a run that you keep, to 95 %',
        );
        console.log('  npm run ludic -- play --env tic_tac_toe                               play yourself');
        console.log('  npm run ludic -- rollout --env key_door --model expert                look at the other game');
        console.log('  npm run ludic -- --help                                               everything else');
      } finally {
        if (scratch) await rm(scratch, { recursive: true, force: true });
      }
    });
}

async function measure(model: string): Promise<Evaluation> {
  const game = resolveSpec({ environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' });
  const { maxCompletionLength } = SETTINGS;
  const policy = await openPolicy(model, game, { temperature: 1, topK: 0, topP: 1, maxCompletionLength });
  // Other games than those by which the best checkpoint was chosen.
  const evaluation = await evaluate({ ...game, policy, episodes: GAMES, seed: 20_000 });
  policy.dispose();
  return evaluation;
}

type Rate = 'win_rate' | 'draw_rate' | 'loss_rate' | 'invalid_episode_rate';
type RateInterval = 'win_ci95' | 'draw_ci95' | 'loss_ci95' | 'invalid_episode_ci95';

function table(before: Evaluation, after: Evaluation): string {
  const row = (name: string, rate: Rate, interval: RateInterval) => {
    const cell = ({ [rate]: share = 0, [interval]: [low, high] = [0, 1] }: Evaluation) =>
      `${percent(share).padStart(7)} (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`.padEnd(24);
    return `${name.padEnd(28)}${cell(before)}${cell(after)}`;
  };
  return [
    paint(
      'bold',
      `${`${GAMES} games, temperature 1`.padEnd(28)}${'before'.padStart(7).padEnd(24)}${'after'.padStart(7)}`,
    ),
    paint('green', row('won', 'win_rate', 'win_ci95')),
    row('drawn', 'draw_rate', 'draw_ci95'),
    row('lost', 'loss_rate', 'loss_ci95'),
    row('games with an invalid move', 'invalid_episode_rate', 'invalid_episode_ci95'),
    paint('dim', '95 % intervals. The best possible against this opponent: 96.7 % won.'),
  ].join('\n');
}
