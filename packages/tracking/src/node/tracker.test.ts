// Runs as the trainer writes them, told to a server that answers as W&B's API does, whatever happens to that server.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DEFAULT_TRAINING } from '@ludic/grpo';
import { type RunEvent, RunFolder } from '@ludic/grpo/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ENTITY, type Fault, WANDB_KEY, WandbServer } from '../../testing/wandb-server.ts';
import type { TrackingSettings } from '../settings.ts';
import { deliver } from './deliver.ts';
import { readWandbState } from './files.ts';
import { RunTracker } from './tracker.ts';

const WANDB: TrackingSettings = { wandb: { project: 'games' } };
let server: WandbServer;
let run = '';
let scratch = '';
let said: string[] = [];
/** Milliseconds of the pauses that were asked for; a pause takes no time here but for that of the end. */
let pauses: number[] = [];

beforeEach(async () => {
  server = await WandbServer.start();
  scratch = await mkdtemp(join(tmpdir(), 'ludic-tracker-'));
  run = join(scratch, 'run');
  said = [];
  pauses = [];
});
afterEach(async () => {
  await server.goAway();
  await rm(scratch, { recursive: true, force: true });
});

const LAST_WAIT = 400;
let dice = 0;
const clock = {
  now: () => 1_700_000_000_000,
  sleep: async (milliseconds: number, signal?: AbortSignal) => {
    if (milliseconds !== LAST_WAIT) pauses.push(milliseconds);
    await wait(milliseconds === LAST_WAIT ? LAST_WAIT : 2, undefined, signal && { signal }).catch(() => {});
  },
  random: () => (dice = (dice + 0.37) % 1),
};
const environment = (more: Record<string, string> = {}) => ({
  WANDB_API_KEY: WANDB_KEY,
  WANDB_BASE_URL: server.baseUrl,
  ...more,
});
const say = (line: string) => said.push(line);
const trackerOf = (settings: TrackingSettings = WANDB, variables = environment()) =>
  new RunTracker({ run, settings, environment: variables, clock, say });
const sync = () => deliver({ run, environment: environment(), clock, say });

/** Waits until the one run is there and so far. */
async function until(reached: () => boolean): Promise<void> {
  while (server.runs.size === 0 || !reached()) await wait(2);
}

/** A run as the trainer writes it: an evaluation follows every third step. */
class Training {
  readonly folder: RunFolder;
  readonly #tracker: RunTracker;
  step: number;

  constructor(folder: RunFolder, tracker: RunTracker, step: number) {
    this.folder = folder;
    this.#tracker = tracker;
    this.step = step;
    tracker.on({ type: 'start', step } as RunEvent);
  }

  static async begin(tracker = trackerOf()): Promise<Training> {
    const settings = { ...DEFAULT_TRAINING, environment: 'tic_tac_toe', environmentConfig: { oddName: 1 } };
    return new Training(await RunFolder.create(run, { formatVersion: 1, model: 'nano', settings }), tracker, 0);
  }

  static async resume(step: number, tracker = trackerOf()): Promise<Training> {
    const folder = await RunFolder.open(run);
    await folder.rewind(step);
    return new Training(folder, tracker, step);
  }

  async take(steps: number, pause = 3): Promise<void> {
    for (let i = 0; i < steps; i++) {
      const step = ++this.step;
      await this.folder.append('metrics.jsonl', [{ type: 'step', step, mean_reward: step / 8, seconds: 0.5 }]);
      this.#tracker.on({ type: 'step' } as RunEvent);
      if (step % 3 === 0) {
        await this.folder.append('metrics.jsonl', [{ type: 'evaluation', step, mean_reward: -step, seconds: 1 }]);
        this.#tracker.on({ type: 'evaluation' } as RunEvent);
      }
      await wait(pause);
    }
  }
}

/** What W&B must hold of so many steps. */
const historyOf = (steps: number) =>
  Array.from({ length: steps }, (_, i) => {
    const step = i + 1;
    const runtime = step / 2 + Math.floor(step / 3);
    return {
      _step: step,
      _runtime: runtime,
      _timestamp: 1_700_000_000 + runtime,
      'train/mean_reward': step / 8,
      'train/seconds': 0.5,
      ...(step % 3 === 0 && { 'eval/mean_reward': -step, 'eval/seconds': 1 }),
    };
  });

function expectWhole(steps: number, exits: readonly number[]): void {
  expect(server.complaints).toEqual([]);
  expect(server.run.history).toEqual(historyOf(steps));
  expect(server.run.exits).toEqual(exits);
  expect(server.run.summary).toMatchObject(historyOf(steps).at(-1)!);
  expect(said.join('\n')).not.toContain(WANDB_KEY);
}

describe('a run that is told to W&B', () => {
  it('arrives whole, with its settings, and each line once', async () => {
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(20);
    await tracker.end('finished', LAST_WAIT);
    expectWhole(20, [0]);
    expect(server.run.again).toBe(0);
    expect(server.run.summary).toMatchObject({ 'eval/mean_reward': -18, _wandb: { runtime: 16 } });
    expect(server.run.displayName).toBe('run');
    expect(server.run.config).toMatchObject({
      model: { value: 'nano' },
      learning_rate: { value: 1e-3 },
      environment_config: { value: { oddName: 1 } },
      loss: { value: { loss_type: DEFAULT_TRAINING.loss.lossType } },
    });
    const name = (await readWandbState(run))!.run;
    expect([...server.runs.keys()]).toEqual([`${ENTITY}/games/${name}`]);
    expect(said).toEqual([`Tracked at ${server.baseUrl}/${ENTITY}/games/runs/${name}`]);
  });

  it('arrives in large pieces where it was faster than they are sent', async () => {
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(250, 0);
    await tracker.end('finished', LAST_WAIT);
    expectWhole(250, [0]);
    expect(server.asked.filter(({ kind }) => kind === 'stream').length).toBeLessThan(200);
  });

  it('gives signs of life while steps take long', async () => {
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(2);
    await until(() => server.run.heartbeats >= 2);
    await tracker.end('finished', LAST_WAIT);
    expectWhole(2, [0]);
  });

  it.each([
    ['WANDB_ENTITY', WANDB, { WANDB_ENTITY: 'others' }, 'others'],
    ['its settings', { wandb: { project: 'games', entity: 'mine' } }, { WANDB_ENTITY: 'others' }, 'mine'],
  ])('belongs to whom %s names', async (_, settings, more, entity) => {
    const tracker = trackerOf(settings, environment(more));
    await Training.begin(tracker);
    await tracker.end('interrupted', LAST_WAIT);
    expect([...server.runs.keys()][0]).toMatch(new RegExp(`^${entity}/games/`));
    expect(server.run.exits).toEqual([130]);
  });

  const every = (n: number, fault: Fault) => {
    let count = 0;
    return () => (++count % n === 0 ? fault : undefined);
  };
  it.each<[string, () => () => Fault | undefined]>([
    ['answers every second request with status 500', () => every(2, { kind: 'status', status: 500 })],
    ['answers every second request with status 408', () => every(2, { kind: 'status', status: 408 })],
    ['cuts every second connection before it has read', () => every(2, { kind: 'cut', after: 'nothing' })],
    ['cuts every second connection instead of answering', () => every(2, { kind: 'cut', after: 'everything' })],
  ])('arrives whole where the server %s', async (_, fault) => {
    server.fault = fault();
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(30);
    await tracker.end('finished', LAST_WAIT);
    expect(server.complaints).toEqual([]);
    expect(server.run.history).toEqual(historyOf(30));
    expect(server.run.exits.at(-1)).toBe(0);
    expect(said.join()).toMatch(/is kept in the run's folder/);
  });

  it('waits as long as a server that is asked too often wants', async () => {
    let refused = 0;
    server.fault = ({ kind }) =>
      kind === 'stream' && refused++ < 2
        ? { kind: 'status', status: 429, headers: { 'retry-after': '77' } }
        : undefined;
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(10);
    await until(() => server.run.history.length > 0);
    await tracker.end('finished', LAST_WAIT);
    expectWhole(10, [0]);
    // Spread over a further first pause, so that runs that were refused together do not return together.
    expect(pauses.filter((pause) => pause >= 77_000 && pause < 79_000)).toHaveLength(2);
  });

  it('waits for the next request where nothing is left of the rate limit', async () => {
    server.headers = { 'ratelimit-remaining': '0', 'ratelimit-reset': '9' };
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(10);
    await tracker.end('finished', LAST_WAIT);
    expectWhole(10, [0]);
    const streams = server.asked.filter(({ kind }) => kind === 'stream').length;
    expect(pauses.filter((pause) => pause === 9000)).toHaveLength(streams);
  });

  it('arrives whole where the server works on the same run for another request', async () => {
    let conflicts = 0;
    server.fault = ({ kind }) =>
      kind === 'upsert' && conflicts++ < 2 ? { kind: 'status', status: 409, text: '{"error":"conflict"}' } : undefined;
    const tracker = trackerOf();
    await (await Training.begin(tracker)).take(4);
    await tracker.end('finished', LAST_WAIT);
    expectWhole(4, [0]);
    expect(said.join()).toContain('answers with status 409: conflict.');
  });

  it.each([
    ['a number', '{"errors":[{"message":503}]}', '503'],
    ['an object', '{"error":{"code":"E7"}}', '{"error":{"code":"E7"}}'],
    ['a page', '<html>Bad\n Gateway</html>', '<html>Bad Gateway</html>'],
  ])('passes on what a proxy says as %s', async (_, text, quoted) => {
    let answers = 0;
    server.fault = () => (answers++ === 0 ? { kind: 'status', status: 503, text } : undefined);
    const tracker = trackerOf();
    await (await Training.begin(tracker)).take(2);
    await tracker.end('finished', LAST_WAIT);
    expectWhole(2, [0]);
    expect(said[0]).toContain(`answers with status 503: ${quoted}.`);
  });

  it.each([
    ['offline', /WANDB_MODE is offline\..* sync /],
    ['dryrun', /WANDB_MODE is dryrun\..* sync /],
    ['disabled', /WANDB_MODE is disabled\..* sync /],
    ['sideways', /WANDB_MODE is sideways, which is none of online, offline and disabled\..* sync /],
  ])('is not sent where WANDB_MODE is %s, and can be sent later', async (mode, sentence) => {
    const tracker = trackerOf(WANDB, environment({ WANDB_MODE: mode }));
    await (await Training.begin(tracker)).take(4);
    await tracker.end('finished', LAST_WAIT);
    expect(server.asked).toEqual([]);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(sentence);
    await sync();
    expectWhole(4, [0]);
  });

  it('arrives whole where the server goes away in the middle and comes back', async () => {
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(10);
    await until(() => server.run.history.length >= 5);
    await server.goAway();
    await training.take(20);
    await server.comeBack();
    await training.take(10);
    await tracker.end('finished', LAST_WAIT);
    expectWhole(40, [0]);
    expect(said[1]).toMatch(/cannot be reached \(E\w+\)\. What it misses is kept/);
    expect(said[2]).toBe('W&B answers again.');
    expect(said).toHaveLength(3);
  });

  it('is sent later where the server stays away, and the run ends all the same', async () => {
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(10);
    await until(() => server.run.history.length >= 5);
    await server.goAway();
    const arrived = server.run.history.length;
    await training.take(20);
    await tracker.end('finished', LAST_WAIT);
    expect(said.at(-1)).toBe(
      `${30 - arrived} steps have not reached W&B. Nothing is lost: send it later with npm run ludic -- sync ${run}`,
    );
    await expect(sync()).rejects.toMatchObject({ code: 'unreachable' });
    await server.comeBack();
    expect(await sync()).toMatchObject({ steps: 30 });
    expectWhole(30, [0]);
    expect(await sync()).toMatchObject({ steps: 30 });
    expect(server.run.again).toBe(0);
  });

  it('is sent later from its beginning where the server was never there', async () => {
    await server.goAway();
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(7);
    await tracker.end('finished', LAST_WAIT);
    expect(said.at(-1)).toMatch(/^7 steps have not reached W&B/);
    await server.comeBack();
    await sync();
    expectWhole(7, [0]);
  });

  it('is not tracked without a key, and is sent when there is one', async () => {
    const tracker = trackerOf(WANDB, { WANDB_API_KEY: '', WANDB_BASE_URL: server.baseUrl });
    const training = await Training.begin(tracker);
    await training.take(4);
    await tracker.end('finished', LAST_WAIT);
    expect(server.asked).toEqual([]);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/will not be tracked at W&B: WANDB_API_KEY is not set\..* sync /);
    await sync();
    expectWhole(4, [0]);
  });

  it('stops asking where the key is wrong, and says so once', async () => {
    const wrong = 'f'.repeat(40);
    const tracker = trackerOf(WANDB, environment({ WANDB_API_KEY: wrong }));
    const training = await Training.begin(tracker);
    await training.take(10);
    await tracker.end('finished', LAST_WAIT);
    expect(server.strangers).toBe(1);
    expect(said.filter((line) => line.includes('does not know the key'))).toHaveLength(1);
    expect(said.at(-1)).toMatch(/^10 steps have not reached W&B/);
    expect(said.join()).not.toContain(wrong);
  });

  it.each<[string, Fault, RegExp]>([
    ['status 403', { kind: 'status', status: 403 }, /with status 403: something is wrong\./],
    ['a redirect', { kind: 'status', status: 302, headers: { location: 'http://x' } }, /it redirects/],
    [
      'an error of GraphQL',
      { kind: 'body', text: JSON.stringify({ errors: [{ message: `no\n project, ${WANDB_KEY}` }] }) },
      /refuses the run: no project, …\./,
    ],
    ['nonsense of the right form', { kind: 'body', text: '{"data":{"upsertBucket":{"bucket":7}}}' }, /WANDB_BASE_URL/],
  ])('is no longer tracked after %s', async (_, fault, message) => {
    server.fault = ({ kind }) => (kind === 'upsert' ? fault : undefined);
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(5);
    await tracker.end('finished', LAST_WAIT);
    expect(said[0]).toMatch(message);
    expect(said.join()).not.toContain(WANDB_KEY);
    expect(said).toHaveLength(2);
    expect(server.asked.filter(({ kind }) => kind === 'upsert')).toHaveLength(1);
  });

  it.each([
    ['an answer that is no JSON', '<html>'],
    ['an answer without data', 'null'],
  ])('is tracked after %s', async (_, text) => {
    let answers = 0;
    server.fault = () => (answers++ === 0 ? { kind: 'body', text } : undefined);
    const tracker = trackerOf();
    const training = await Training.begin(tracker);
    await training.take(5);
    await tracker.end('finished', LAST_WAIT);
    expectWhole(5, [0]);
  });
});

describe('a run that is resumed', () => {
  it('goes on in the same place, and what it does again is not told again', async () => {
    const first = trackerOf();
    const training = await Training.begin(first);
    await training.take(11);
    await first.end('interrupted', LAST_WAIT);
    expectWhole(11, [130]);
    const second = trackerOf();
    const again = await Training.resume(5, second);
    await again.take(15);
    await second.end('finished', LAST_WAIT);
    expectWhole(20, [130, 0]);
    expect(server.run.again).toBe(0);
  });

  it('tells the rest where the answer to its last request was lost with its process', async () => {
    const first = trackerOf();
    const training = await Training.begin(first);
    await training.take(11);
    await first.end('failed', LAST_WAIT);
    // As if it had been killed before it could write down what had arrived.
    const { ended: _, ...state } = (await readWandbState(run))!;
    const killed = { ...state, rows: 4, lines: 4, sending: 6 };
    await writeFile(join(run, 'tracking', 'wandb.json'), JSON.stringify(killed));
    const second = trackerOf();
    const again = await Training.resume(8, second);
    await again.take(6);
    await second.end('finished', LAST_WAIT);
    expectWhole(14, [1, 0]);
    expect(server.run.again).toBe(6);
  });

  it('keeps the last step of a failed run back, which gets its evaluation when it is taken again', async () => {
    const first = trackerOf();
    const training = await Training.begin(first);
    await training.take(5);
    await training.folder.append('metrics.jsonl', [{ type: 'step', step: 6, mean_reward: 6 / 8, seconds: 0.5 }]);
    await first.end('failed', LAST_WAIT);
    expect(server.run.history).toEqual(historyOf(5));
    await sync();
    expect(server.run.history).toEqual(historyOf(5));
    const second = trackerOf();
    const again = await Training.resume(4, second);
    await again.take(4);
    await second.end('finished', LAST_WAIT);
    expectWhole(8, [1, 1, 0]);
  });

  it('is told from its beginning where W&B has lost the run', async () => {
    const first = trackerOf();
    await (await Training.begin(first)).take(6);
    await first.end('interrupted', LAST_WAIT);
    server.runs.clear();
    const second = trackerOf();
    await (await Training.resume(6, second)).take(3);
    await second.end('finished', LAST_WAIT);
    expectWhole(9, [0]);
  });

  it('is a new run where the old one was deleted at W&B, also when it is sent later', async () => {
    const first = trackerOf();
    await (await Training.begin(first)).take(6);
    await first.end('interrupted', LAST_WAIT);
    server.store.delete([...server.runs.keys()][0]!);
    said = [];
    const second = trackerOf();
    await (await Training.resume(6, second)).take(3);
    await second.end('finished', LAST_WAIT);
    expectWhole(9, [0]);
    const [path] = server.runs.keys();
    const { run: name } = (await readWandbState(run))!;
    expect(path).toBe(`${ENTITY}/games/${name}`);
    expect(said[0]).toMatch(new RegExp(`^The run \\w{8} was deleted at W&B. It is sent as a new run, ${name}\\.$`));
    server.store.delete(path!);
    expect(await sync()).toMatchObject({ steps: 9 });
    expectWhole(9, [0]);
    expect([...server.runs.keys()]).not.toContain(path);
  });

  it('keeps the name and the settings that were changed at W&B', async () => {
    const first = trackerOf();
    await (await Training.begin(first)).take(2);
    await first.end('interrupted', LAST_WAIT);
    server.run.displayName = 'the good one';
    server.run.config = {
      ...server.run.config,
      note: { value: 'of a colleague' },
      _wandb: { value: { t: { '5': '0.31' } } },
    };
    await sync();
    const second = trackerOf();
    await (await Training.resume(2, second)).take(2);
    await second.end('finished', LAST_WAIT);
    expect(server.run.displayName).toBe('the good one');
    expect(server.run.config).toMatchObject({
      note: { value: 'of a colleague' },
      learning_rate: { value: 1e-3 },
      _wandb: { value: { t: { '5': '0.31' } } },
    });
  });

  it("goes on behind another writer's lines, and misses none of its own", async () => {
    const first = trackerOf();
    await (await Training.begin(first)).take(4);
    await first.end('interrupted', LAST_WAIT);
    const theirs = { _step: 5, _runtime: 9, _timestamp: 9, note: 1 };
    server.run.history.push(theirs, { ...theirs, _step: 6 });
    const second = trackerOf();
    await (await Training.resume(4, second)).take(5);
    await second.end('finished', LAST_WAIT);
    const whole = historyOf(9);
    expect(server.run.history).toEqual([...whole.slice(0, 4), theirs, { ...theirs, _step: 6 }, ...whole.slice(4)]);
    expect(server.run.again).toBe(0);
  });

  it('says which of its files is damaged, and goes on', async () => {
    const first = trackerOf();
    await (await Training.begin(first)).take(3);
    await first.end('interrupted', LAST_WAIT);
    for (const text of ['', '[', '7', '{}', '{"formatVersion":1,"run":"../x","startedAt":1,"rows":0}']) {
      await writeFile(join(run, 'tracking', 'wandb.json'), text);
      said = [];
      const second = trackerOf();
      await Training.resume(3, second);
      await second.end('interrupted', LAST_WAIT);
      expect(said.join()).toMatch(/wandb\.json is damaged. Remove it/);
    }
  });
});

describe('a folder that was never tracked', () => {
  it('is refused by name', async () => {
    const tracker = trackerOf({ tensorboard: true });
    await Training.begin(tracker);
    await tracker.end('finished', LAST_WAIT);
    await expect(sync()).rejects.toMatchObject({ code: 'not_tracked' });
    expect(await readdir(join(run, 'tracking'))).toEqual(['settings.json']);
    expect(JSON.parse(await readFile(join(run, 'tracking', 'settings.json'), 'utf8'))).toEqual({ tensorboard: true });
  });
});
