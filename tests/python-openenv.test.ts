// OpenEnv's own Python package on the other side: its client plays a game of ours, and we play and train in an environment of
// its server. Skipped where LUDIC_PYTHON, or python3, has no openenv (pip install openenv-core).

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findEnvironment, registerEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import { DEFAULT_TRAINING, Trainer } from '../packages/grpo/src/index.ts';
import { openLanguageModel } from '../packages/inference/src/index.ts';
import { openModelFolder } from '../packages/models/src/node.ts';
import { openEnv } from '../packages/openenv/src/index.ts';
import { serveOpenEnv } from '../packages/openenv/src/node.ts';
import { scriptedPolicy } from '../packages/policies/src/index.ts';
import { evaluationStarts, playEpisodes } from '../packages/rollouts/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';

const PYTHON = process.env.LUDIC_PYTHON ?? 'python3';
const look = 'import importlib.util as i; exit(i.find_spec("openenv") is None)';
const hasOpenEnv = spawnSync(PYTHON, ['-c', look], { stdio: 'ignore' }).status === 0;
const script = fileURLToPath(new URL('./python_openenv.py', import.meta.url));
const nano = fileURLToPath(new URL('../packages/nano/model/', import.meta.url));

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

describe.skipIf(!hasOpenEnv)('with openenv (pip install openenv-core)', () => {
  it('serves a game to its client', async () => {
    const game = findEnvironment('tic_tac_toe');
    const config = resolveConfig(game, {});
    const server = await serveOpenEnv({ definition: game, config });
    try {
      const { stdout } = await promisify(execFile)(PYTHON, [script, 'play', server.url]);
      const told = JSON.parse(stdout);
      const here = game.create(config);
      expect(told.shift()).toEqual([await here.reset(5), null, false]);
      const state = told.pop();
      for (const [i, [text, reward, done]] of told.entries()) {
        const step = await here.step(`<move>${i + 1}</move>`);
        expect([text, reward, done]).toEqual([step.observation, step.reward, step.terminated || step.truncated]);
      }
      expect(state).toMatchObject({ episode_id: '5', step_count: told.length });
    } finally {
      await server.close();
    }
  });

  describe('its server', () => {
    let server: ChildProcess;
    let url: string;
    beforeAll(async () => {
      const port = await freePort();
      url = `http://127.0.0.1:${port}`;
      server = spawn(PYTHON, [script, 'serve', `${port}`], { stdio: 'ignore' });
      await vi.waitUntil(
        () =>
          fetch(`${url}/health`).then(
            ({ ok }) => ok,
            () => false,
          ),
        { timeout: 60_000, interval: 200 },
      );
    }, 90_000);
    afterAll(() => server.kill());

    const game = (id: string) =>
      openEnv({ id, url, instruction: 'Guess.', exampleActions: ['0', '1', '2', '3'], replyTag: 'move', maxSteps: 6 });

    it('is played by a player that halves, many at once', async () => {
      const environment = game('halving');
      const policy = scriptedPolicy('halving', () => {
        let [low, high, last] = [0, 3, -1];
        return {
          act: () => {
            last = Math.floor((low + high) / 2);
            return `<move>${last}</move>`;
          },
        };
      });
      const starts = evaluationStarts(0, 32);
      const episodes = await playEpisodes({ environment, config: {}, history: 'NO_HISTORY', policy, starts });
      expect(new Set(episodes.map(({ turns }) => turns[0]!.observation))).toEqual(
        new Set(['Guess a number from 0 to 3.']),
      );
      expect(episodes.some(({ reward }) => reward === 1)).toBe(true);
      for (const { turns, endReason, reward } of episodes) {
        expect(['terminated', 'truncated']).toContain(endReason);
        expect(reward).toBeCloseTo(endReason === 'terminated' ? 1 - 0.1 * (turns.length - 1) : -0.6);
      }
    });

    it('says what went wrong in it', async () => {
      const policy = scriptedPolicy('crash', () => ({ act: () => '<move>crash</move>' }));
      const environment = game('crashing');
      const [episode] = await playEpisodes({
        ...{ environment, config: {}, history: 'NO_HISTORY' as const, policy, starts: evaluationStarts(0, 1) },
      });
      expect(episode).toMatchObject({ endReason: 'failed', error: expect.stringContaining('no such number') });
    });

    it('is trained in', async () => {
      registerEnvironment(game('guessing') as never);
      const model = await openLanguageModel(await openModelFolder(nano), await createRuntime({ threads: 1 }));
      const trainer = await Trainer.create(model, {
        ...DEFAULT_TRAINING,
        ...{
          environment: 'guessing',
          steps: 2,
          groupSize: 4,
          batchSize: 16,
          maxCompletionLength: 8,
          tokenBudget: 2048,
        },
      });
      for (let step = 1; step <= 2; step++) {
        const { metrics } = await trainer.runStep();
        expect(metrics).toMatchObject({ step, episodes: 16, failure_rate: 0 });
      }
      await trainer.dispose();
    });
  });
});
