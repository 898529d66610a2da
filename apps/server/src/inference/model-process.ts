// One process that holds a model, as the server sees it: what it is told, what it says, how it ends.

import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Channel, Requests } from '@ludic/io';
import { ipcChannel } from '@ludic/io/node';
import type { Counters, FromModelProcess, ModelCalls, ToModelProcess } from './protocol.ts';

const SCRIPT = fileURLToPath(new URL('./worker.ts', import.meta.url));
/** Secrets of the server that a model has no use for. */
const SECRETS = /^(LUDIC_|WANDB_)/;
/** A little below the server, which must stay quick. */
const NICENESS = 5;
/** How long a process that was let go may take to end. */
const LINGER_MS = 30_000;
/** Characters of what it printed last. */
const PRINTED = 2000;

interface ModelProcessOptions {
  /** Hears every sign of life. */
  readonly onHeard: () => void;
  /** Hears what it writes to its standard error. */
  readonly onPrint: (text: string) => void;
  /** Called once, however the process ends. @param how in words, @param printed the end of its standard error */
  readonly onEnd: (how: string, printed: string) => void;
}

export class ModelProcess {
  readonly #child: ChildProcess;
  readonly #channel: Channel<ToModelProcess, FromModelProcess>;
  /** Never settles where the process ends first. */
  readonly ask: Requests<ModelCalls>['ask'];
  #counters: Counters = { runs: 0, tokens: 0, games: 0, memory: 0 };
  #printed = '';
  readonly ended: Promise<void>;

  constructor({ onHeard, onPrint, onEnd }: ModelProcessOptions) {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SECRETS.test(name)));
    this.#child = fork(SCRIPT, [], {
      serialization: 'advanced',
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env,
    });
    if (this.#child.pid !== undefined) {
      try {
        setPriority(this.#child.pid, NICENESS);
      } catch {
        // A convenience that not every machine grants.
      }
    }
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#printed = (this.#printed + text).slice(-PRINTED);
      onPrint(text);
    });
    this.#channel = ipcChannel(this.#child);
    const requests = new Requests<ModelCalls>(this.#channel.send);
    this.ask = (request, options) => requests.ask(request, options);
    this.#channel.listen((message) => {
      onHeard();
      if (message.type === 'alive') this.#counters = message.counters;
      else requests.hear(message);
    });
    // 'close' comes when all that it said has been heard; after a release it never does.
    this.#child.once('close', (code, signal) => {
      onEnd(signal ? `was ended by ${signal}` : `ended with code ${code}`, this.#printed);
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.on('error', (error) => {
        // Errors of a process that runs are told by its end.
        if (this.#child.pid !== undefined) return;
        resolve();
        onEnd(`could not be started: ${error.message}`, '');
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get counters(): Counters {
    return this.#counters;
  }

  /** Lets it read the weights that it told of. */
  accept(): void {
    void this.#channel.send({ type: 'accept' });
  }

  /** Lets it go: it ends between two runs of its network, or is ended. */
  release(): void {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.kill(), LINGER_MS).unref();
    void this.ended.then(() => clearTimeout(timer));
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
