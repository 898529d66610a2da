// A bounded queue of costly work. Better ranks go first. Within a rank a short queue serves the oldest first and a long
// queue the newest: then work that comes after a flood is served before it. A full queue drops the oldest work of the
// worst rank.

type WorkOutcome<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'dropped' };

interface WaitingWork {
  readonly rank: number;
  readonly cost: number;
  readonly start: () => void;
  readonly drop: () => void;
}

interface QueuedWork<T> {
  readonly outcome: Promise<WorkOutcome<T>>;
  /** Takes the work out of the queue. False when it has begun already. */
  readonly withdraw: () => boolean;
}

export class WorkQueue {
  readonly #concurrency: number;
  readonly #room: number;
  readonly #waiting: WaitingWork[] = [];
  #running = 0;

  /** @param room what the waiting work may cost together; what comes to an empty queue is always taken */
  constructor(concurrency: number, room: number) {
    this.#concurrency = concurrency;
    this.#room = room;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get waitingCost(): number {
    return this.#waiting.reduce((sum, { cost }) => sum + cost, 0);
  }

  /** @returns undefined when there is no room */
  add<T>(work: {
    readonly rank: number;
    readonly cost: number;
    readonly run: () => Promise<T>;
  }): QueuedWork<T> | undefined {
    if (!this.#makeRoom(work.rank, work.cost)) return undefined;
    const { promise, resolve, reject } = Promise.withResolvers<WorkOutcome<T>>();
    const waiting: WaitingWork = {
      rank: work.rank,
      cost: work.cost,
      start: () => {
        this.#running++;
        work
          .run()
          .finally(() => this.#end())
          .then((value) => resolve({ kind: 'done', value }), reject);
      },
      drop: () => resolve({ kind: 'dropped' }),
    };
    // By rank, and within a rank by age.
    const place = this.#waiting.findIndex(({ rank }) => rank > work.rank);
    this.#waiting.splice(place < 0 ? this.#waiting.length : place, 0, waiting);
    this.#begin();
    const withdraw = () => {
      const at = this.#waiting.indexOf(waiting);
      if (at < 0) return false;
      this.#waiting.splice(at, 1);
      waiting.drop();
      return true;
    };
    return { outcome: promise, withdraw };
  }

  #makeRoom(rank: number, cost: number): boolean {
    const better = this.#waiting.filter((each) => each.rank < rank).reduce((sum, each) => sum + each.cost, 0);
    if (better > 0 && better + cost > this.#room) return false;
    while (this.#waiting.length > 0 && this.waitingCost + cost > this.#room) {
      const worst = this.#waiting.at(-1)!.rank;
      this.#waiting
        .splice(
          this.#waiting.findIndex((each) => each.rank === worst),
          1,
        )[0]!
        .drop();
    }
    return true;
  }

  #begin(): void {
    while (this.#running < this.#concurrency && this.#waiting.length > 0) {
      const best = this.#waiting[0]!.rank;
      const isLong = this.waitingCost > this.#room / 4;
      const at = isLong ? this.#waiting.findLastIndex(({ rank }) => rank === best) : 0;
      this.#waiting.splice(at, 1)[0]!.start();
    }
  }

  #end(): void {
    this.#running--;
    this.#begin();
  }
}
