// An evaluation as a job: it plays with the loaded models, behind the requests. It is the same at every attempt, so after
// the death of the model's process it simply begins again.

import { type FileHandle, open, rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { completePlaying } from '@ludic/service/internal';
import { InferenceError, ModelDeath } from '../inference/errors.ts';
import type { InferencePool } from '../inference/pool.ts';
import { type EvaluationPart, requestedPlay } from '../inference/protocol.ts';
import type { ModelStore } from '../models/model-store.ts';
import type { JobWork, WorkHooks } from './job-work.ts';
import { print } from './log-file.ts';
import type { JobPlaces } from './places.ts';
import { finalReason } from './process/final-reason.ts';
import type { EvaluationJob } from './process/messages.ts';

interface EvaluationWorkOptions extends WorkHooks {
  readonly request: EvaluationJob['request'];
  readonly pool: Pick<InferencePool, 'evaluateForJob'>;
  readonly models: Pick<ModelStore, 'resolve'>;
  readonly dataFolder: string;
  readonly places: JobPlaces;
}

export class EvaluationWork implements JobWork {
  readonly #options: EvaluationWorkOptions;
  readonly #stopped = new AbortController();
  #pid: number | undefined;
  #killProcess: (() => void) | undefined;

  constructor(options: EvaluationWorkOptions) {
    this.#options = options;
    void this.#run();
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  /** Ends its games. The process of the model goes on. */
  stop(): void {
    this.#say('Asked to end: saving.');
    this.#stopped.abort();
  }

  /** Ends the process of the model, which has been silent for too long. What was stopped has nothing to do with it any more. */
  kill(): void {
    if (!this.#stopped.signal.aborted) this.#killProcess?.();
  }

  async #run(): Promise<void> {
    const { dataFolder, onMessage, onExit } = this.#options;
    try {
      const result = await this.#evaluate();
      this.#say('Finished.');
      onMessage({ type: 'ended', status: 'finished', result });
      onExit({ code: 0, signal: null });
    } catch (error) {
      if (this.#stopped.signal.aborted) {
        this.#say('Saved.');
        onMessage({ type: 'ended', status: 'interrupted', result: null });
        onExit({ code: 0, signal: null });
        return;
      }
      if (error instanceof ModelDeath) {
        onExit({ ...error.exit, printed: error.printed });
        return;
      }
      this.#say((error as Error).stack ?? String(error));
      const reason = finalReason(error, dataFolder);
      if (reason !== undefined) onMessage({ type: 'failed', reason });
      onExit({ code: reason === undefined ? 1 : 0, signal: null });
    }
  }

  async #evaluate(): Promise<Readonly<Record<string, unknown>>> {
    const { models, places } = this.#options;
    const request = completePlaying(this.#options.request);
    const { eval_episodes: episodes, seed, include_trajectories: trajectories } = request;
    const play = requestedPlay(request);
    const source = await models.resolve(request.model_path);
    const failed = new AbortController();
    const signal = AbortSignal.any([this.#stopped.signal, failed.signal]);
    const file = trajectories ? await GamesFile.open(places.episodes, (error) => failed.abort(error)) : undefined;
    try {
      const results = await this.#whenThereIsRoom(signal, () =>
        this.#options.pool.evaluateForJob(
          source,
          { ...play, seed, episodes, trajectories },
          {
            signal,
            onPart: (part) => this.#hear(part, file),
            onBegin: (pid, kill) => {
              this.#say(`It plays in process ${pid}, with all who ask its model.`);
              this.#pid = pid;
              this.#killProcess = kill;
            },
            onHeard: () => this.#options.onMessage({ type: 'alive' }),
          },
        ),
      );
      await file?.save();
      return {
        model_path: request.model_path,
        env_type: request.env_type,
        env_config: play.config,
        eval_episodes: episodes,
        history_strategy: request.history_strategy,
        temperature: play.sampling.temperature,
        results,
      };
    } finally {
      this.#killProcess = undefined;
      await file?.close();
    }
  }

  #hear(part: EvaluationPart, file: GamesFile | undefined): void {
    const { request, onMessage } = this.#options;
    switch (part.type) {
      case 'warning':
        this.#say(part.message);
        onMessage(part);
        return;
      case 'game':
        file?.add(part.json);
        return;
      case 'played':
        file?.write();
        this.#say(`${part.games} of ${request.eval_episodes} games played`);
        onMessage(part);
        return;
      default:
        part satisfies never;
    }
  }

  /** Requests come first: a job waits until there is room for its model, and while that rests after many deaths. */
  async #whenThereIsRoom<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let told = '';
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof InferenceError) || error.retryAfter === undefined) throw error;
        if (error.message !== told) this.#say(`It waits: ${error.message}`);
        told = error.message;
        this.#options.onMessage({ type: 'alive' });
        await sleep(1000 * error.retryAfter, undefined, { signal });
      }
    }
  }

  #say(line: string): void {
    print(this.#options.places.log, line);
  }
}

/** The games of an evaluation, a line each. They have their name when all are there. */
class GamesFile {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #onError: (error: unknown) => void;
  #lines: string[] = [];
  #written: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, onError: (error: unknown) => void) {
    this.#path = path;
    this.#file = file;
    this.#onError = onError;
  }

  static async open(path: string, onError: (error: unknown) => void): Promise<GamesFile> {
    return new GamesFile(path, await open(`${path}.new`, 'w'), onError);
  }

  add(line: string): void {
    this.#lines.push(line);
  }

  /** Writes what was added, behind what is being written. */
  write(): void {
    const text = this.#lines.map((line) => `${line}\n`).join('');
    this.#lines = [];
    this.#written = this.#written.then(() => this.#file.writeFile(text));
    this.#written.catch(this.#onError);
  }

  async save(): Promise<void> {
    await this.#written;
    await this.#file.sync();
    await rename(`${this.#path}.new`, this.#path);
  }

  async close(): Promise<void> {
    await this.#written.catch(() => {});
    await this.#file.close();
  }
}
