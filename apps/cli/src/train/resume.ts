// A resumed run keeps its settings, but for those that may change. An option that says otherwise is refused, since
// ignoring it would hide a mistake.

import type { TrainSettings } from '@ludic/grpo';
import { CHANGEABLE, snakeCase, trainingFields } from '@ludic/grpo/internal';
import { RunFolder, type RunStart } from '@ludic/grpo/node';
import type { Command } from 'commander';
import { UsageError } from '../failure.ts';
import { checkGameOf, loadOwnGame } from '../game-files.ts';
import { onnxOf } from './new-run.ts';
import { TRACKING_NAMES } from './tracking.ts';

/** @throws UsageError for an option that differs from the run and may not change */
export async function resumedRun(command: Command, out: string): Promise<RunStart> {
  const { config } = await RunFolder.open(out);
  await loadOwnGame(config.settings.environment);
  const different = checkGameOf(config);
  if (different !== undefined) process.stderr.write(`${different}\n`);
  const free = new Set([
    'out',
    'resume',
    'json',
    'device',
    'workers',
    'workerTimeout',
    'nats',
    'stepTimeout',
    'plugin',
    // It stands for --env, which is compared.
    'agent',
    ...TRACKING_NAMES,
  ]);
  const given = command.options.filter((option) => {
    const name = option.attributeName();
    return !free.has(name) && command.getOptionValueSource(name) === 'cli';
  });
  if (given.length === 0) return { kind: 'resume' };
  const wanted: Record<string, unknown> = { ...command.opts(), ...onnxOf(command.opts()) };
  const stored: Record<string, unknown> = {
    ...trainingFields(config.settings),
    env: config.settings.environment,
    model: config.model,
    env_config: JSON.stringify(config.settings.environmentConfig),
    ...warmStartFields(config.settings.warmStart),
    onnx: config.onnx?.join() ?? 'none',
    // A run without a number of threads may be given one.
    threads: config.threads ?? wanted.threads,
  };
  const change: Record<string, unknown> = {};
  for (const option of given) {
    const name = option.attributeName();
    const text = (value: unknown) => (typeof value === 'string' ? value.replaceAll(/\s/g, '') : String(value));
    const field = snakeCase(name);
    if (text(stored[field]) === text(wanted[name])) continue;
    if (!CHANGEABLE.some((each) => each === field)) {
      const free = CHANGEABLE.map((each) => `--${each.replaceAll('_', '-')}`).join(', ');
      throw new UsageError(
        `${option.long} ${wanted[name]} differs from the run's own ${stored[field]}. Leave it out, or start a new run in another folder. A run may be resumed with other values of ${free}.`,
      );
    }
    change[field] = wanted[name];
  }
  return Object.keys(change).length === 0 ? { kind: 'resume' } : { kind: 'resume', change };
}

const warmStartFields = (choice: TrainSettings['warmStart']) =>
  typeof choice === 'object'
    ? {
        warm_start: choice.steps,
        warm_start_episodes: choice.episodes,
        warm_start_player: choice.player ?? 'random',
        warm_start_teach: choice.teach ?? 'replies',
        warm_start_history: choice.history ?? 'none',
      }
    : { warm_start: choice ?? 'none' };
