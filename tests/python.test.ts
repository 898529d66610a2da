// The Python world loads what we write: Hugging Face transformers and PEFT give our log-probabilities, TensorBoard shows
// our curves, and the guide's client talks to the service. Skipped where LUDIC_PYTHON, or python3, has them not.

import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { callingModel } from '../apps/server/testing/calling-model.ts';
import { PASSWORD, startService } from '../apps/server/testing/service.ts';
import { DEFAULT_ADAMW, DEFAULT_LOSS, Learner } from '../packages/grpo/src/index.ts';
import {
  adapterFiles,
  checkpointFiles,
  everyLinearLayer,
  newAdapter,
  readCheckpoint,
} from '../packages/models/src/index.ts';
import { openModelFolder, writeFilesAtomically } from '../packages/models/src/node.ts';
import { floats, ResidentTensors } from '../packages/runtime/src/index.ts';
import { createRuntime } from '../packages/runtime/src/node.ts';
import { TensorBoardLog } from '../packages/tracking/src/node/tensorboard-log.ts';

const PYTHON = process.env.LUDIC_PYTHON ?? 'python3';
const imports = (modules: string) => spawnSync(PYTHON, ['-c', `import ${modules}`], { stdio: 'ignore' }).status === 0;
const isThere = imports('torch, transformers, peft');
const scratch = mkdtempSync(join(tmpdir(), 'ludic-python-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const fixture = (name: string) => fileURLToPath(new URL(`../packages/models/fixtures/${name}`, import.meta.url));
const IDS = Int32Array.of(5, 17, 3, 42, 9, 60, 11, 2, 33, 8, 71, 4);

function theirLogprobs(folder: string, adapter: string): number[] {
  const script = fileURLToPath(new URL('./python_logprobs.py', import.meta.url));
  const { status, stdout, stderr } = spawnSync(PYTHON, [script, folder, adapter, IDS.join()], {
    encoding: 'utf8',
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

describe.skipIf(!isThere).each(['llama-tiny', 'smollm-tiny', 'qwen2-tiny', 'qwen3-tiny', 'gemma3-tiny', 'gpt2-tiny'])(
  'a %s that we wrote',
  (name) => {
    it.each([false, true])('gives our log-probabilities in Python; with an adapter: %s', async (withAdapter) => {
      const runtime = await createRuntime({ device: 'cpu', threads: 1 });
      const { config, parameters } = await readCheckpoint(await openModelFolder(fixture(name)));
      const folder = join(scratch, `${name}-${withAdapter}`);
      await writeFilesAtomically(folder, checkpointFiles(config, parameters));
      const targets = everyLinearLayer(config);
      const adapter = newAdapter(config, { rank: 3, alpha: 6, targets, rankStabilized: false }, 1);
      // A new adapter changes nothing: let this one say something.
      for (const [parameter, tensor] of Object.entries(adapter.parameters)) {
        const data = floats(tensor);
        if (parameter.endsWith('lora_B.weight')) for (let i = 0; i < data.length; i++) data[i] = Math.sin(i) / 10;
      }
      const place = `${folder}-adapter`;
      await writeFilesAtomically(place, adapterFiles(config, folder, adapter));
      const learner = new Learner({
        runtime,
        config,
        parameters: await ResidentTensors.of(runtime, parameters),
        ...(withAdapter && {
          adapter: { config: adapter.config, parameters: await ResidentTensors.of(runtime, adapter.parameters) },
        }),
        objective: DEFAULT_LOSS,
        adamw: DEFAULT_ADAMW,
        temperature: 1,
        tokenBudget: 1000,
      });
      const { logprobs } = await learner.score([{ prompt: IDS.slice(0, 1), completion: IDS.slice(1) }]);
      await learner.dispose();
      const theirs = theirLogprobs(folder, withAdapter ? place : '-');
      for (const [i, value] of theirs.entries()) expect(Math.abs(logprobs[0]![i]! - value)).toBeLessThan(1e-4);
    });
  },
);

describe.skipIf(!imports('tensorboard'))('the curves of a run', () => {
  it('are shown by TensorBoard, each step once, also after a resume', async () => {
    const run = mkdtempSync(join(scratch, 'run-'));
    const metrics = join(run, 'metrics.jsonl');
    const measure = (from: number, to: number) => {
      for (let step = from; step <= to; step++) {
        appendFileSync(metrics, `${JSON.stringify({ type: 'step', step, mean_reward: step / 4, seconds: 1 })}\n`);
        if (step % 5 === 0)
          appendFileSync(metrics, `${JSON.stringify({ type: 'evaluation', step, mean_reward: step })}\n`);
      }
    };
    let seconds = 1_700_000_000;
    const open = (after: number) => TensorBoardLog.open({ run, after, now: () => 1000 * seconds++, host: 'host' });
    measure(1, 12);
    await (await open(0)).update(false);
    // Killed after step 12, resumed after step 7.
    writeFileSync(metrics, '');
    measure(1, 7);
    const log = await open(7);
    measure(8, 15);
    await log.update(true);
    const script = fileURLToPath(new URL('./python_tensorboard.py', import.meta.url));
    const { status, stdout, stderr } = spawnSync(PYTHON, [script, join(run, 'tensorboard')], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const steps = Array.from({ length: 15 }, (_, i) => i + 1);
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({
      'train/mean_reward': steps.map((step) => [step, step / 4]),
      'train/seconds': steps.map((step) => [step, 1]),
      'eval/mean_reward': [5, 10, 15].map((step) => [step, step]),
    });
  });
});

describe.skipIf(!imports('requests'))("the guide's client in Python", () => {
  it('trains a model and evaluates it', async () => {
    const guide = readFileSync(new URL('../docs/guide.md', import.meta.url), 'utf8');
    const script = /^```python\n(.*?)^```$/ms.exec(guide)![1]!;
    const service = await startService();
    try {
      const python = spawn(PYTHON, ['-c', script], {
        env: { ...process.env, LUDIC_BASE_URL: service.url, LUDIC_PASSWORD: PASSWORD },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [status, rate] = Buffer.concat(await python.stdout.toArray())
        .toString()
        .trim()
        .split('\n');
      expect(status).toBe('completed');
      expect(Number(rate)).toBeGreaterThanOrEqual(0);
      expect(Number(rate)).toBeLessThanOrEqual(1);
    } finally {
      await service.close();
    }
  });
});

describe.skipIf(!imports('openai'))("OpenAI's client in Python", () => {
  it('chats, streams, lists, and shows what was wrong', async () => {
    const service = await startService();
    const caller = await callingModel();
    await cp(caller.model.folder, join(service.folder, 'data/models/caller'), { recursive: true });
    try {
      const script = fileURLToPath(new URL('./python_openai.py', import.meta.url));
      const python = spawn(PYTHON, [script, `${service.url}/v1`, PASSWORD], { stdio: ['ignore', 'pipe', 'inherit'] });
      const told = JSON.parse(Buffer.concat(await python.stdout.toArray()).toString());
      expect(told).toMatchObject({ finish: 'stop', continued: 'chat.completion', replies: 20, model: 'model' });
      expect(told.content).toMatch(/<\/(move|action)>$/);
      expect(told.streamed).toBe(told.content);
      expect(told.usage[0]).toBe(told.usage[1]);
      expect(told.stopped).not.toContain('</');
      expect(told.top.every((count: number) => count === 3)).toBe(true);
      expect(told.call).toEqual(['tool_calls', 'look', { at: 'door' }]);
      expect([told.called, told.ids]).toEqual(['The door is blue.', [true, true]]);
      expect(told.models).toContain('nano');
      const bad = ['BadRequestError', 400, 'invalid_request_error'];
      expect(told.failures).toEqual([
        [
          'AuthenticationError',
          401,
          'authentication_error',
          null,
          'invalid_api_key',
          expect.stringMatching(/password/),
        ],
        ['NotFoundError', 404, 'not_found_error', 'model', 'model_not_found', expect.stringMatching(/no-such-model/)],
        [...bad, 'presence_penalty', 'unsupported_parameter', expect.stringMatching(/presence_penalty: The models/)],
        [...bad, 'guided_regex', 'unsupported_parameter', expect.stringMatching(/guided_regex: The models/)],
        [...bad, 'messages', 'context_length_exceeded', expect.stringMatching(/The context of nano has/)],
        ['NotFoundError', 404, 'not_found_error', 'model', 'model_not_found', expect.stringMatching(/no-such\/model/)],
      ]);
    } finally {
      await service.close();
    }
  });
});
