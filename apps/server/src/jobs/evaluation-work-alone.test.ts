// What an evaluation makes of what the pool does, with a pool that does as it is told.

import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Evaluation } from '@ludic/rollouts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { smallEvaluation } from '../../testing/jobs.ts';
import { NANO } from '../../testing/models.ts';
import { InferenceError, ModelDeath } from '../inference/errors.ts';
import type { InferencePool } from '../inference/pool.ts';
import { EvaluationWork } from './evaluation-work.ts';
import type { WorkExit } from './job-work.ts';
import { type JobPlaces, jobPlaces } from './places.ts';
import type { FromJob } from './process/messages.ts';

let data: string;
let places: JobPlaces;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'ludic-work-'));
  places = jobPlaces(data, 'job');
  await mkdir(places.folder, { recursive: true });
});
afterEach(() => rm(data, { recursive: true }));

type Play = InferencePool['evaluateForJob'];
type Hooks = Parameters<Play>[2];
const RESULTS = { total_episodes: 2 } as Evaluation;

/** Rejects when the games are given up. */
const untilAborted = ({ signal }: Hooks) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** An evaluation of two games. @param play in the place of the pool */
function begin(play: (hooks: Hooks, time: number) => Promise<Evaluation>) {
  const messages: FromJob[] = [];
  const { promise: exited, resolve } = Promise.withResolvers<WorkExit>();
  let times = 0;
  const work = new EvaluationWork({
    request: smallEvaluation({ eval_episodes: 2 }),
    pool: { evaluateForJob: (_source, _task, hooks) => play(hooks, ++times) },
    models: { resolve: async () => NANO },
    dataFolder: data,
    places,
    onMessage: (message) => messages.push(message),
    onExit: resolve,
  });
  return { work, messages, exited };
}

const giveGames = ({ onPart }: Hooks) => {
  for (const json of ['{"episode":0}', '{"episode":1}']) onPart({ type: 'game', json });
  onPart({ type: 'played', games: 2 });
};

describe('an evaluation', () => {
  it('tells how far it is, and has the games in its file', async () => {
    const { messages, exited } = begin(async (hooks) => {
      hooks.onPart({ type: 'warning', message: 'Something is not heeded.' });
      giveGames(hooks);
      hooks.onHeard();
      return RESULTS;
    });
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(messages.map(({ type }) => type)).toEqual(['warning', 'played', 'alive', 'ended']);
    expect(messages.at(-1)).toMatchObject({ status: 'finished', result: { results: RESULTS } });
    expect(await readFile(places.episodes, 'utf8')).toBe('{"episode":0}\n{"episode":1}\n');
  });

  it('has no file of games where it did not come to its end', async () => {
    const { work, messages, exited } = begin((hooks) => {
      giveGames(hooks);
      return untilAborted(hooks);
    });
    await expect.poll(() => messages).toEqual([{ type: 'played', games: 2 }]);
    work.stop();
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(messages.at(-1)).toEqual({ type: 'ended', status: 'interrupted', result: null });
    await expect(readFile(places.episodes)).rejects.toThrow(/ENOENT/);
  });

  it('ends a process that is silent, and never one that it has let go', async () => {
    const kills: string[] = [];
    const beginIn = (name: string) => (hooks: Hooks) => {
      hooks.onBegin(1, () => kills.push(name));
      return untilAborted(hooks);
    };
    const silent = begin(beginIn('silent'));
    const stopped = begin(beginIn('stopped'));
    await expect.poll(() => [silent.work.pid, stopped.work.pid]).toEqual([1, 1]);
    silent.work.kill();
    stopped.work.stop();
    stopped.work.kill();
    await stopped.exited;
    stopped.work.kill();
    expect(kills).toEqual(['silent']);
    silent.work.stop();
    await silent.exited;
  });

  it('waits for room as often as it must, and gives signs of life meanwhile', async () => {
    const { messages, exited } = begin(async (_, time) => {
      if (time < 3) throw new InferenceError('busy', 'There is no room.', 0);
      return RESULTS;
    });
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(messages.map(({ type }) => type)).toEqual(['alive', 'alive', 'ended']);
    expect((await readFile(places.log, 'utf8')).match(/It waits: There is no room\./g)).toHaveLength(1);
  });

  it('can be stopped while it waits', async () => {
    const { work, messages, exited } = begin(async () => {
      throw new InferenceError('busy', 'There is no room.', 1000);
    });
    await expect.poll(() => messages).toEqual([{ type: 'alive' }]);
    work.stop();
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(messages.at(-1)).toMatchObject({ status: 'interrupted' });
  });

  it('ends as the process of its model ends, with its last words, which its log does not have', async () => {
    const exit = { code: null, signal: 'SIGABRT', wasSilent: false } as const;
    const { messages, exited } = begin(async () => {
      throw new ModelDeath('It died.', exit, 'heap out of memory');
    });
    expect(await exited).toEqual({ ...exit, printed: 'heap out of memory' });
    expect(messages).toEqual([]);
  });

  it('fails for good where the disk is full, and tries again after a fault', async () => {
    await symlink('/dev/full', `${places.episodes}.new`);
    const full = begin((hooks) => {
      giveGames(hooks);
      return untilAborted(hooks);
    });
    expect(await full.exited).toEqual({ code: 0, signal: null });
    expect(full.messages.at(-1)).toMatchObject({ type: 'failed', reason: expect.stringMatching(/disk .* is full/) });
    await rm(`${places.episodes}.new`);
    const faulty = begin(async () => {
      throw new InferenceError('fault', 'The model could not answer.');
    });
    expect(await faulty.exited).toEqual({ code: 1, signal: null });
    expect(faulty.messages).toEqual([]);
  });
});
