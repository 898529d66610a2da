// A bounded queue of costly work. Better ranks go first; when there is no room left, a better rank takes the place of
// the last of a worse one.

export type Outcome<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'dropped' };

interface Waiting {
  readonly rank: number;
  readonly cost: number;
  readonly start: () => void;
  readonly drop: () => void;
}

export interface Offer<T> {
  readonly outcome: Promise<Outcome<T>>;
  /** Takes the work out of the queue. False when it has begun already. */
  readonly withdraw: () => boolean;
}

export class WorkQueue {
  readonly #concurrency: number;
  readonly #room: number;
  readonly #waiting: Waiting[] = [];
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
  offer<T>(work: {
    readonly rank: number;
    readonly cost: number;
    readonly run: () => Promise<T>;
  }): Offer<T> | undefined {
    if (!this.#makeRoom(work.rank, work.cost)) return undefined;
    const { promise, resolve, reject } = Promise.withResolvers<Outcome<T>>();
    const waiting: Waiting = {
      rank: work.rank,
      cost: work.cost,
      start: () => {
        this.#running++;
        work.run().then(
          (value) => {
            this.#end();
            resolve({ kind: 'done', value });
          },
          (error) => {
            this.#end();
            reject(error);
          },
        );
      },
      drop: () => resolve({ kind: 'dropped' }),
    };
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
    if (this.#waiting.length === 0) return true;
    const better = this.#waiting.filter((each) => each.rank <= rank).reduce((sum, each) => sum + each.cost, 0);
    if (better > 0 && better + cost > this.#room) return false;
    while (this.#waiting.length > 0 && this.waitingCost + cost > this.#room) {
      if (this.#waiting.at(-1)!.rank <= rank) return false;
      this.#waiting.pop()!.drop();
    }
    return true;
  }

  #begin(): void {
    while (this.#running < this.#concurrency && this.#waiting.length > 0) this.#waiting.shift()!.start();
  }

  #end(): void {
    this.#running--;
    this.#begin();
  }
}
