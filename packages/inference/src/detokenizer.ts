// From tokens back to text: of whole replies, and of replies that grow, where each token is decoded once, with the few
// before it, however long the text is.

import type { Tokenizer } from '@ludic/models';

/** Texts that are kept; beyond, all are dropped. */
const MOST_KEPT_TEXTS = 100_000;
/** Tokens of the longest text that is kept. */
const LONGEST_KEPT_TEXT = 64;

/** A tokenizer's texts, those of short replies kept. */
export class Detokenizer {
  readonly #decode: Tokenizer['decode'];
  readonly #texts = new Map<string, string>();

  constructor({ decode }: Pick<Tokenizer, 'decode'>) {
    this.#decode = decode;
  }

  /** Without special tokens. */
  readonly text = (tokens: readonly number[]): string => {
    const key = tokens.join();
    let text = this.#texts.get(key);
    if (text === undefined) {
      text = this.#decode(tokens, { skipSpecialTokens: true });
      if (tokens.length > LONGEST_KEPT_TEXT) return text;
      if (this.#texts.size > MOST_KEPT_TEXTS) this.#texts.clear();
      this.#texts.set(key, text);
    }
    return text;
  };

  /** With special tokens. */
  readonly wholeText = (tokens: readonly number[]): string => this.#decode(tokens);
}

/** Bytes of the longest UTF-8 character: so many tokens that form no whole character never will. */
const LONGEST_CHARACTER = 4;
/** What bytes that form no whole character decode to; a text may hold it as a character, too. */
const REPLACEMENT = '\ufffd';

/** Tokens decode differently beside others (a space at the beginning, half a character), so they are decoded in windows. */
export class IncrementalDetokenizer {
  readonly #decode: (tokens: readonly number[]) => string;
  /** Tokens whose text is known, then those that do not form whole characters yet. */
  #window: number[] = [];
  /** How many tokens of the window have known text, and that text. */
  #settled = 0;
  #known = '';
  #text = '';
  #pending = '';

  constructor(decode: (tokens: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** Whole characters so far. Only ever gets longer. */
  get text(): string {
    return this.#text;
  }

  /** All so far, the beginning of a character as U+FFFD. */
  get whole(): string {
    return this.#text + this.#pending;
  }

  push(token: number): void {
    this.#window.push(token);
    const decoded = this.#decode(this.#window);
    const fresh = decoded.slice(this.#known.length);
    const isOpen = fresh === '' || fresh.endsWith(REPLACEMENT);
    if (isOpen && this.#window.length - this.#settled < LONGEST_CHARACTER) {
      this.#pending = fresh;
      return;
    }
    const held = isOpen ? this.#heldBack(decoded) : 0;
    const settled = this.#window.length - held;
    this.#pending = held > 0 ? REPLACEMENT : '';
    this.#text += held > 0 ? fresh.slice(0, -1) : fresh;
    this.#known = this.#decode(this.#window.slice(this.#settled, settled));
    this.#window = this.#window.slice(this.#settled);
    this.#settled = settled - this.#settled;
  }

  /** How many of the last tokens may be the beginning of a character, where what is before them ends with U+FFFD for good. */
  #heldBack(decoded: string): number {
    for (let count = LONGEST_CHARACTER - 1; count > 0; count--) {
      const before = this.#decode(this.#window.slice(0, -count));
      if (this.#decode(this.#window.slice(-count)) === REPLACEMENT && before + REPLACEMENT === decoded) return count;
    }
    return 0;
  }
}
