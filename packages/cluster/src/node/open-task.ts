// A task that waits for its answer: who has taken it, what of an answer is there, how often it has failed. Answers are alike
// wherever they were computed, so the first counts.

import { GrpoError } from '@ludic/grpo';
import type { HostTensors } from '@ludic/grpo/internal-node';
import { deserializeError, type SerializedError } from '@ludic/io';
import type { WorkerReport } from './messages.ts';
import { Assembly, type Shapes } from './pieces.ts';

/** So often a shard may fail. */
export const MOST_FAILURES = 3;
/** More workers than can come to take one task. */
const MOST_ATTEMPTS = 16;

export interface TaskAnswer {
  readonly body: Uint8Array;
  readonly gradients: HostTensors;
}

type Worker = WorkerReport['worker'];

interface Failure {
  readonly worker: Worker;
  readonly error: SerializedError;
}

/** What has come of a report. */
export type Heard =
  | { readonly type: 'nothing' }
  | { readonly type: 'answered'; readonly answer: TaskAnswer }
  /** Another worker has to do it, unless it failed too often. */
  | { readonly type: 'failed'; readonly worker: Worker; readonly reason: string }
  /** The queue has handed it to another worker, since this one gave no signs. */
  | { readonly type: 'lost'; readonly worker: Worker; readonly reason: string }
  | { readonly type: 'left'; readonly worker: Worker; readonly reason: string }
  /** It makes no sense, and changes nothing. */
  | { readonly type: 'refused'; readonly reason: string };

interface TaskAttempt {
  readonly worker: Worker;
  readonly assembly: Assembly;
  /** It may still answer. */
  isLost: boolean;
}

export class OpenTask {
  readonly #shapes: Shapes;
  readonly #what: string;
  /** By worker and delivery. */
  readonly #attempts = new Map<string, TaskAttempt>();
  readonly #failures: Failure[] = [];

  /** @param what a task as people know it, such as `Shard 2 of step 7` @param shapes of what is trained */
  constructor(what: string, shapes: Shapes) {
    this.#what = what;
    this.#shapes = shapes;
  }

  /** Whether a worker is at it, as far as is known. */
  get isTaken(): boolean {
    return [...this.#attempts.values()].some(({ isLost }) => !isLost);
  }

  hear({ body, worker, delivery }: WorkerReport): Heard {
    const key = `${worker.id} ${delivery}`;
    if (this.#attempts.size >= MOST_ATTEMPTS && !this.#attempts.has(key))
      return { type: 'refused', reason: 'too many workers say that they have this task' };
    switch (body.type) {
      case 'taken': {
        const before = [...this.#attempts.values()].find((each) => !each.isLost && each.worker.id !== worker.id);
        this.#begin(key, worker);
        if (!before) return { type: 'nothing' };
        before.isLost = true;
        return this.#lost(before.worker);
      }
      case 'part':
      case 'answer': {
        const { assembly } = this.#attempts.get(key) ?? this.#begin(key, worker);
        try {
          if (body.type === 'answer') return { type: 'answered', answer: assembly.end(body) };
          for (const piece of body.pieces) assembly.add(piece);
          return { type: 'nothing' };
        } catch (error) {
          return { type: 'refused', reason: (error as Error).message };
        }
      }
      case 'failure':
        this.#attempts.delete(key);
        this.#failures.push({ worker, error: body.error });
        return { type: 'failed', worker, reason: body.error.message };
      case 'left':
        this.#attempts.delete(key);
        return { type: 'left', worker, reason: body.reason };
      default:
        return body satisfies never;
    }
  }

  /** Counts an answer that was whole and yet none. */
  fail(worker: Worker, reason: string): void {
    this.#attempts.clear();
    this.#failures.push({ worker, error: { name: 'Error', message: reason, explained: false } });
  }

  /** Why it is given up, once it has failed too often. */
  get end(): Error | undefined {
    const last = this.#failures.at(-1);
    if (!last || this.#failures.length < MOST_FAILURES) return undefined;
    const { error, worker } = last;
    // What all have met by the same name is a matter of the run, and not of its workers.
    if (error.explained && this.#failures.every((each) => each.error.code === error.code))
      return deserializeError(error);
    return new GrpoError(
      'worker_failed',
      `${this.#what} was given up: it failed ${this.#failures.length} times; the last worker, on ${worker.host}, ${error.message}. ` +
        'The checkpoints are kept: --resume goes on from the last one.',
      { cause: deserializeError(error) },
    );
  }

  #begin(key: string, worker: Worker): TaskAttempt {
    const attempt: TaskAttempt = { worker, assembly: new Assembly(this.#shapes), isLost: false };
    this.#attempts.set(key, attempt);
    return attempt;
  }

  #lost(worker: Worker): Heard {
    const reason = 'gave no sign of life';
    this.#failures.push({ worker, error: { name: 'Error', message: reason, explained: false } });
    return { type: 'lost', worker, reason };
  }
}
