// Training in the page as its tests drive it: the engine asked, runs cut at a moment, files fetched and compared.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Locator } from 'playwright-core';
import { expect } from 'vitest';
import type { Answers, Progress, RequestOf } from '../../apps/evaluator/src/engine/protocol.ts';
import { DEFAULT_TRAINING, type TrainSettings } from '../../packages/grpo/src/index.ts';
import type { EnvironmentSpec } from '../../packages/rollouts/src/index.ts';
import type { OpenedPage } from './page.ts';

const { unzipSync } = createRequire(new URL('../../apps/evaluator/package.json', import.meta.url))('fflate');
const CLI = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url));

export const GAME: EnvironmentSpec = { environment: 'tic_tac_toe', config: { max_steps: 3 }, history: 'NO_HISTORY' };

export const SETTINGS: TrainSettings = {
  ...DEFAULT_TRAINING,
  environment: GAME.environment,
  environmentConfig: GAME.config,
  steps: 8,
  groupSize: 4,
  batchSize: 8,
  maxCompletionLength: 4,
  tokenBudget: 1024,
  evalEvery: 0,
  evalEpisodes: 4,
  evalTemperature: 0,
  saveEvery: 2,
};

/** `learned 5`, `saved 2`: what is waited for; `stuck`: until `stick` has stopped the engine. */
export type Until = 'done' | 'stuck' | `${'learned' | 'saved'} ${number}`;

/** The page with its view of training, and a folder for what it hands over. */
export class TrainingPage {
  readonly #opened: OpenedPage;
  readonly #scratch: string;
  readonly view: Locator;

  constructor(opened: OpenedPage, scratch: string) {
    this.#opened = opened;
    this.#scratch = scratch;
    this.view = opened.page.getByRole('tabpanel', { name: 'Train' });
  }

  async reload(): Promise<void> {
    await this.#opened.page.reload();
    await this.view.getByRole('table', { name: 'Runs in this browser' }).waitFor();
  }

  contents(run: string): Promise<Answers['run']> {
    return this.#opened.page.evaluate((run) => globalThis.ludic.ask({ type: 'run', run }), run);
  }

  async configOf(run: string) {
    return (await this.contents(run)).settings.environmentConfig;
  }

  /** The last saved step of a run, undefined where there is no such run. */
  async steps(run: string): Promise<number | undefined> {
    const runs = await this.#opened.page.evaluate(() => globalThis.ludic.ask({ type: 'runs' }));
    return runs.find(({ name }) => name === run)?.step;
  }

  ask(saveAs: string, settings: TrainSettings, until: Until) {
    return this.#work({ type: 'train', model: 'nano', device: 'cpu', settings, saveAs }, until);
  }

  goOn(run: string, until: Until) {
    return this.#work({ type: 'continue', run, device: 'cpu' }, until);
  }

  #work(request: RequestOf<'train'> | RequestOf<'continue'>, until: Until): Promise<void> {
    return this.#opened.page.evaluate(
      ([request, until]) =>
        new Promise<void>((resolve, reject) => {
          new BroadcastChannel('stuck').onmessage = () => resolve();
          const onProgress = (progress: Progress) => {
            if (progress.stage === 'learned' && until === `learned ${progress.metrics.step}`) resolve();
            if (progress.stage === 'saved' && until === `saved ${progress.step}`) resolve();
          };
          globalThis.ludic
            .ask(request, { onProgress })
            .then(() => (until === 'done' ? resolve() : reject(new Error(`It was finished before ${until}.`))), reject);
        }),
      [request, until] as const,
    );
  }

  /** Lets the engine hang for ever in one of its next writes, half done, as if that took long. */
  async stick(method: 'write' | 'move', calls: number): Promise<void> {
    const [worker] = this.#opened.page.workers();
    await worker!.evaluate(
      ([method, calls]) => {
        let left = calls;
        const scope = globalThis as unknown as {
          FileSystemSyncAccessHandle: { prototype: { write(data: Uint8Array, options: object): number } };
        };
        const { prototype: file } = scope.FileSystemSyncAccessHandle;
        const { prototype: handle } = FileSystemFileHandle as unknown as {
          prototype: { move(...to: unknown[]): unknown };
        };
        const { write } = file;
        const { move } = handle;
        const say = () => new BroadcastChannel('stuck').postMessage(method);
        if (method === 'write')
          file.write = function (data, options) {
            if (--left > 0) return write.call(this, data, options);
            write.call(this, data.subarray(0, data.length >> 1), options);
            say();
            for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
          };
        else
          handle.move = function (...to) {
            if (--left > 0) return move.apply(this, to);
            say();
            return new Promise(() => {});
          };
      },
      [method, calls] as const,
    );
  }

  /** Of a file of a run in the browser's storage. */
  digest(run: string, path: string): Promise<string> {
    return this.#opened.page.evaluate(
      async ([run, path]) => {
        let folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
        const names = [encodeURIComponent(run), ...path.split('/')];
        const file = names.pop()!;
        for (const name of names) folder = await folder.getDirectoryHandle(name);
        const bytes = await (await (await folder.getFileHandle(file)).getFile()).arrayBuffer();
        const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
        return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
      },
      [run, path] as const,
    );
  }

  /** Presses the button, and unpacks the zip. */
  async download(run: string, part: 'model' | 'run'): Promise<string> {
    const coming = this.#opened.page.waitForEvent('download');
    await this.view.getByRole('button', { name: `Download the ${part} ${run}`, exact: true }).click();
    const file = await coming;
    const folder = join(this.#scratch, `${run} ${part}`);
    const top = run.replaceAll(' ', '-');
    expect(file.suggestedFilename()).toBe(part === 'model' ? `${top}.zip` : `${top}-run.zip`);
    const files: Record<string, Uint8Array> = unzipSync(readFileSync(await file.path()));
    for (const [name, bytes] of Object.entries(files)) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
    return join(folder, top);
  }

  /** The page's own evaluation of what a run has trained. */
  async evaluated(run: string) {
    const policy = { kind: 'model', name: run, device: 'cpu', temperature: 0, maxCompletionLength: 4 } as const;
    const game = { ...GAME, config: await this.configOf(run) };
    const request = { type: 'evaluate', game, policy, episodes: 20, seed: 5 } as const;
    const answer = await this.#opened.page.evaluate((request) => globalThis.ludic.ask(request), request);
    return answer.evaluation;
  }
}

/** By the command line, as `evaluated` does in the page. */
export function evaluate(folder: string, config: object): string {
  const policy = ['--temperature', '0', '--max-completion-length', '4'];
  const game = ['--env', GAME.environment, '--env-config', JSON.stringify(config)];
  return cli('evaluate', '--model', folder, ...policy, ...game, '--episodes', '20', '--seed', '5', '--json');
}

export function cli(...given: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...given], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout;
}
