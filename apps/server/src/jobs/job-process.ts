// The process of one attempt at a training, as the server sees it.

import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Channel, type ReplyMessage, Requests } from '@ludic/io';
import { ipcChannel } from '@ludic/io/node';
import { ServiceError } from '@ludic/service';
import { AGENT } from './agent-tasks.ts';
import type { JobWork, RolloutLink, WorkExit, WorkHooks } from './job-work.ts';
import type { FromProcess, RolloutCalls, ToJob } from './process/messages.ts';

const MAIN = fileURLToPath(new URL('./process/main.ts', import.meta.url));
/** What it said is heard by then, even if a process that it left behind keeps the channel open. */
const LINGER_MS = 10_000;

interface JobProcessOptions extends WorkHooks {
  readonly begin: Extract<ToJob, { type: 'begin' }>;
  /** Where it writes by itself, so that its last words are kept even when the server dies. */
  readonly logPath: string;
}

export class JobProcess implements JobWork {
  readonly #child: ChildProcess;
  readonly #channel: Channel<ToJob, FromProcess>;
  readonly #requests: Requests<RolloutCalls>;
  readonly rollouts?: RolloutLink;
  #ended = false;

  constructor({ begin, logPath, onMessage, onExit }: JobProcessOptions) {
    const log = openSync(logPath, 'a');
    try {
      // The id shows in the list of processes.
      this.#child = fork(MAIN, [begin.id], {
        stdio: ['ignore', log, log, 'ipc'],
        execArgv: ['--disable-warning=ExperimentalWarning'],
        env: safeEnvironment(),
      });
    } finally {
      closeSync(log);
    }
    const end = (exit: WorkExit) => {
      if (this.#ended) return;
      this.#ended = true;
      this.#requests.fail(new ServiceError('unavailable', 'The process of this training has ended.'));
      onExit(exit);
    };
    this.#channel = ipcChannel(this.#child);
    this.#requests = new Requests((message) => this.#channel.send(message));
    this.#channel.listen((message) => {
      if (isReply(message)) this.#requests.hear(message);
      else if (!this.#ended) onMessage(message);
    });
    // 'exit' may come before the last messages, 'close' comes after them.
    this.#child.once('close', (code, signal) => end({ code, signal }));
    this.#child.once('exit', (code, signal) => setTimeout(() => end({ code, signal }), LINGER_MS).unref());
    this.#child.on('error', (error) => {
      // Errors of a process that runs are told by its end.
      if (this.#child.pid === undefined) end({ code: null, signal: null, error: error.message });
    });
    if (begin.job.request.env_type === AGENT)
      this.rollouts = {
        next: async (waitMs, signal) => (await this.#requests.ask({ type: 'next', waitMs }, { signal })) ?? undefined,
        ask: (request, signal) => this.#requests.ask({ type: 'agent', ...request }, { signal }),
      };
    // It may be gone already, which its exit tells.
    void this.#channel.send(begin);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  stop(): void {
    void this.#channel.send({ type: 'stop' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

const isReply = (message: FromProcess): message is ReplyMessage<RolloutCalls> =>
  message.type === 'part' || message.type === 'answer' || message.type === 'failure';

/** A job needs tokens and proxies from the environment, but no password of the server. */
const safeEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LUDIC_')));
