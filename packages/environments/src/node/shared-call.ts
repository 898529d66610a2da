// The call that a thread is in, in memory that another thread reads. Writing it costs a few stores a call.

import type { GameCall } from '../watch.ts';

/** Characters of the names of a game and of a call together. */
const NAMES = 256;
const HEADER = 32;

export class SharedCall {
  readonly buffer: SharedArrayBuffer;
  /** Counter (odd within a call), turn, length of the game's name, length of the call's name. */
  readonly #numbers: Int32Array;
  /** Seed, dynamics seed. */
  readonly #seeds: Float64Array;
  readonly #names: Uint16Array;
  #written = '';

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(HEADER + 2 * NAMES)) {
    this.buffer = buffer;
    this.#numbers = new Int32Array(buffer, 0, 4);
    this.#seeds = new Float64Array(buffer, 16, 2);
    this.#names = new Uint16Array(buffer, HEADER, NAMES);
  }

  /** Changes with every call; odd within one. */
  get counter(): number {
    return Atomics.load(this.#numbers, 0);
  }

  enter({ game, call, seed, dynamicsSeed, turn }: GameCall): void {
    const names = game + call;
    if (names !== this.#written) {
      this.#written = names;
      for (let i = 0; i < Math.min(NAMES, names.length); i++) this.#names[i] = names.charCodeAt(i);
    }
    this.#numbers[1] = turn;
    this.#numbers[2] = game.length;
    this.#numbers[3] = call.length;
    this.#seeds[0] = seed;
    this.#seeds[1] = dynamicsSeed;
    Atomics.add(this.#numbers, 0, 1);
  }

  leave(): void {
    Atomics.add(this.#numbers, 0, 1);
  }

  read(): GameCall {
    const [, turn = 0, game = 0, call = 0] = this.#numbers;
    const names = String.fromCharCode(...this.#names.subarray(0, game + call));
    const [seed = 0, dynamicsSeed = 0] = this.#seeds;
    return { game: names.slice(0, game), call: names.slice(game), seed, dynamicsSeed, turn };
  }
}
