// Random streams named by a path such as (seed, 'episode', step, group, member). Two different paths give
// independent streams, and drawing from one never moves another: adding an episode changes no other. There is no state to
// save: the n-th number of a stream is a function of (path, n).

/** Numbers that follow from the stream's path alone. */
export interface RandomStream {
  /** A whole number in [0, 2^32). */
  nextUint32(): number;
  /** A number in [0, 1) with 32 bits of randomness. */
  nextFloat(): number;
  /** A whole number in [0, bound), without bias. `bound` is between 1 and 2^32. */
  nextInt(bound: number): number;
}

const TWO_32 = 2 ** 32;

/** Folds a path into 128 bits: a chain of Philox blocks, one per number or per eight characters. */
function fold(path: readonly (number | string)[]): Uint32Array {
  const state = new Uint32Array(4);
  let length = 0;
  const absorb = (a: number, b: number, kind: number) => {
    philox4x32(state, a ^ state[2]!, b ^ state[3]!, kind, length++, state[0]!, state[1]!);
  };
  for (const part of path) {
    if (typeof part === 'number') {
      if (!Number.isSafeInteger(part)) throw new RangeError(`a stream's path takes whole numbers, not ${part}`);
      absorb(part | 0, Math.floor(part / TWO_32) | 0, 1);
    } else {
      for (let i = 0; i < part.length; i += 4) {
        const code = (k: number) => (i + k < part.length ? part.charCodeAt(i + k) : 0);
        absorb(code(0) | (code(1) << 16), code(2) | (code(3) << 16), 2);
      }
      absorb(part.length, 0, 3);
    }
  }
  return state;
}

class PhiloxStream implements RandomStream {
  readonly #key: Uint32Array;
  readonly #block = new Uint32Array(4);
  #counter = 0;
  #used = 4;

  constructor(key: Uint32Array) {
    this.#key = key;
  }

  nextUint32(): number {
    if (this.#used === 4) {
      const key = this.#key;
      const high = Math.floor(this.#counter / TWO_32);
      philox4x32(this.#block, this.#counter | 0, high, key[2]!, key[3]!, key[0]!, key[1]!);
      this.#counter++;
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
  }

  nextFloat(): number {
    return this.nextUint32() / TWO_32;
  }

  nextInt(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > TWO_32) throw new RangeError(`bound ${bound}`);
    const limit = TWO_32 - (TWO_32 % bound);
    let value = this.nextUint32();
    while (value >= limit) value = this.nextUint32();
    return value % bound;
  }
}

/** The stream named by `path`: whole numbers (up to 2^53) and strings. */
export function stream(...path: readonly (number | string)[]): RandomStream {
  return new PhiloxStream(fold(path));
}

/** A seed in [0, 2^48) for a part of a larger computation, named like a stream. */
export function deriveSeed(...path: readonly (number | string)[]): number {
  const words = fold(path);
  return words[0]! + (words[1]! & 0xffff) * TWO_32;
}

// Philox4x32-10: a bijection of 128-bit counters under a 64-bit key whose outputs pass for random. Source: Salmon et al.,
// "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of the unsigned product a·b. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const mid = aHigh * bLow + ((aLow * bLow) >>> 16);
  const low = aLow * bHigh + (mid & 0xffff);
  return (aHigh * bHigh + Math.floor(mid / 65536) + Math.floor(low / 65536)) | 0;
}

/** Writes the block of four 32-bit words for counter (c0..c3) under key (k0, k1) into `out`. */
export function philox4x32(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, c0 >>> 0);
    const low0 = Math.imul(M0, c0);
    const high1 = mulHigh(M1, c2 >>> 0);
    const low1 = Math.imul(M1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}
