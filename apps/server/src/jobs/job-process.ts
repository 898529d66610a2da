// The process of one attempt at a job, as the server sees it.

import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FromJob, ToJob } from './process/messages.ts';

const MAIN = fileURLToPath(new URL('./process/main.ts', import.meta.url));

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface JobProcessOptions {
  readonly begin: Extract<ToJob, { type: 'begin' }>;
  /** Where it writes by itself, so that its last words are kept even when the server dies. */
  readonly logPath: string;
  readonly onMessage: (message: FromJob) => void;
  readonly onExit: (exit: Exit) => void;
}

export class JobProcess {
  readonly #child: ChildProcess;
  #exited = false;

  constructor({ begin, logPath, onMessage, onExit }: JobProcessOptions) {
    const log = openSync(logPath, 'a');
    this.#child = fork(MAIN, [], {
      stdio: ['ignore', log, log, 'ipc'],
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: safeEnvironment(),
    });
    closeSync(log);
    this.#child.on('message', (message) => onMessage(message as FromJob));
    this.#child.once('error', () => this.#end({ code: 1, signal: null }, onExit));
    this.#child.once('exit', (code, signal) => this.#end({ code, signal }, onExit));
    this.#send(begin);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks it to save and end. */
  stop(): void {
    this.#send({ type: 'stop' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToJob): void {
    // It may be gone already, which its exit tells.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #end(exit: Exit, onExit: (exit: Exit) => void): void {
    if (this.#exited) return;
    this.#exited = true;
    onExit(exit);
  }
}

/** A job needs tokens and proxies of the environment, and nobody's password. */
function safeEnvironment(): NodeJS.ProcessEnv {
  const { LUDIC_PASSWORD: _, LUDIC_PASSWORD_HASH: __, LUDIC_PASSWORD_FILE: ___, ...rest } = process.env;
  return rest;
}
