// A server of jobs in a process of its own, that can be killed.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EvaluatePolicy, Job, StartTraining } from '@ludic/service';
import type { JobsOptions } from '../src/jobs/options.ts';
import type { FromServer, ToServer } from './jobs-server.ts';

const SCRIPT = fileURLToPath(new URL('./jobs-server.ts', import.meta.url));

export type WatchedJob = Job & { readonly pid: number | null };

export class JobServerProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @throws with the server's own words where it refuses to start */
  static async start(dataFolder: string, options: Partial<JobsOptions> = {}): Promise<JobServerProcess> {
    const given = { threads: 1, maxConcurrent: 1, graceMs: 20_000, backoffMs: [10], ...options };
    const child = fork(SCRIPT, [dataFolder, JSON.stringify(given)], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const server = new JobServerProcess(child);
    const answer = await server.#answer();
    if (answer.type === 'refused') throw new Error(answer.message);
    return server;
  }

  async train(request: StartTraining): Promise<Job> {
    return this.#accepted({ type: 'train', request });
  }

  async evaluate(request: EvaluatePolicy): Promise<Job> {
    return this.#accepted({ type: 'evaluate', request });
  }

  async list(): Promise<readonly WatchedJob[]> {
    const answer = await this.#ask({ type: 'list' });
    if (answer.type !== 'jobs') throw new Error(JSON.stringify(answer));
    return answer.jobs;
  }

  /** As `kill -9` does: nothing in it runs any more. */
  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  /** Asks it to end its jobs' processes, and waits for nothing. */
  beginEnd(): void {
    this.#child.disconnect();
  }

  /** Lets it end its jobs' processes. */
  async end(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.beginEnd();
    await exited;
  }

  async #accepted(message: ToServer): Promise<Job> {
    const answer = await this.#ask(message);
    if (answer.type !== 'job') throw new Error(answer.type === 'refused' ? answer.message : answer.type);
    return answer.job;
  }

  #ask(message: ToServer): Promise<FromServer> {
    const answer = this.#answer();
    this.#child.send(message, () => {});
    return answer;
  }

  /** One question at a time. */
  #answer(): Promise<FromServer> {
    return new Promise((resolve, reject) => {
      const heard = (message: unknown) => {
        this.#child.off('exit', left);
        resolve(message as FromServer);
      };
      const left = () => {
        this.#child.off('message', heard);
        reject(new Error('The server has ended.'));
      };
      this.#child.once('message', heard);
      this.#child.once('exit', left);
    });
  }
}
