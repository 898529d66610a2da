// An evaluation as a job: it plays with the loaded models, behind the requests. It is the same at every attempt, so after
// the death of the model's process it simply begins again.

import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
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
    // It has its name when all games are in it.
    const file = trajectories ? createWriteStream(`${places.episodes}.new`, { flush: true }) : undefined;
    file?.on('error', (error) => failed.abort(error));
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
      if (file) {
        await finished(file.end());
        await rename(`${places.episodes}.new`, places.episodes);
      }
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
      // The next attempt writes it again.
      if (file && !file.destroy().closed) await once(file, 'close');
    }
  }

  #hear(part: EvaluationPart, file: WriteStream | undefined): void {
    const { request, onMessage } = this.#options;
    switch (part.type) {
      case 'warning':
        this.#say(part.message);
        onMessage(part);
        return;
      case 'game':
        file?.write(`${part.json}\n`);
        return;
      case 'played':
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
