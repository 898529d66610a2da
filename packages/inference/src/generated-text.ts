// Incremental detokenization: each token is decoded once, with the few before it, however long the text is.

/** Bytes of the longest UTF-8 character: so many tokens that form no whole character never will. */
const LONGEST_CHARACTER = 4;

/** Tokens decode differently beside others (a space at the beginning, half a character), so they are decoded in windows. */
export class GeneratedText {
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
    const fresh = this.#decode(this.#window).slice(this.#known.length);
    const open = fresh === '' || fresh.endsWith('\ufffd');
    if (open && this.#window.length - this.#settled < LONGEST_CHARACTER) {
      this.#pending = fresh;
      return;
    }
    this.#text += fresh;
    this.#pending = '';
    this.#window = this.#window.slice(this.#settled);
    this.#settled = this.#window.length;
    this.#known = this.#decode(this.#window);
  }
}
