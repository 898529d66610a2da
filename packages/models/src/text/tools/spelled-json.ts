// JSON as data that keeps what JavaScript's numbers and objects lose: whether 1.0 is a fraction, all digits of a whole
// number, and the order of fields that look like numbers.

import { parseObject } from '@ludic/io';
import { jsonEnd } from './json-text.ts';

/** A number as JSON spells it. */
export class SpelledNumber {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get isWhole(): boolean {
    return !/[.eE]/.test(this.#text);
  }

  get value(): number {
    return Number(this.#text);
  }

  /** Exactly. */
  get whole(): number | bigint {
    return Number.isSafeInteger(this.value) ? this.value : BigInt(this.#text);
  }
}

/** Deeper objects are not read: no arguments that anyone means are. */
const DEEPEST = 200;

/** A JSON object as a Map of texts, numbers, lists and Maps; undefined where the text is anything else, or too deep. */
export function spelledObject(text: string): ReadonlyMap<string, unknown> | undefined {
  if (!parseObject(text)) return undefined;
  try {
    return new ValidJson(text).value() as ReadonlyMap<string, unknown>;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Reads what is known to be JSON. */
class ValidJson {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth = 0): unknown {
    if (depth > DEEPEST) throw new RangeError(`deeper than ${DEEPEST}`);
    switch (this.#next()) {
      case '{':
        return new Map(this.#entries('}', () => [this.#string(), this.value(depth + 1)] as const));
      case '[':
        return this.#entries(']', () => this.value(depth + 1));
      case '"':
        return this.#string();
      default: {
        const word = this.#word();
        return /^[tfn]/.test(word) ? JSON.parse(word) : new SpelledNumber(word);
      }
    }
  }

  #entries<Entry>(close: string, read: () => Entry): Entry[] {
    const entries: Entry[] = [];
    this.#at++;
    while (this.#next() !== close) entries.push(read());
    this.#at++;
    return entries;
  }

  #string(): string {
    this.#next();
    const from = this.#at;
    this.#at = jsonEnd(this.#text, from)!;
    return JSON.parse(this.#text.slice(from, this.#at));
  }

  #word(): string {
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.#text)![0];
    this.#at += word.length;
    return word;
  }

  /** The next character that says something, where reading goes on. */
  #next(): string {
    BETWEEN.lastIndex = this.#at;
    this.#at += BETWEEN.exec(this.#text)![0].length;
    return this.#text[this.#at]!;
  }
}

const BETWEEN = /[\s,:]*/y;
/** A number, true, false or null. */
const WORD = /[\w.+-]+/y;
