// Gemma's calls: `call:name{city:"Rome",days:3}`, where a mark stands for each quote of a text. Names of arguments are bare.

import type { ToolCall } from './conversation.ts';
import type { FoundCalls } from './json-calls.ts';

export interface GemmaMarks {
  readonly open: string;
  readonly close: string;
  /** Before and after each text. */
  readonly quote: string;
}

const HEAD = /^\s*call:([\w.-]+)\s*(?=\{)/;

export function gemmaCalls(marks: GemmaMarks): (text: string) => FoundCalls | undefined {
  const { open, close } = marks;
  return (text) => {
    const first = text.indexOf(open);
    if (first < 0) return undefined;
    const calls: ToolCall[] = [];
    let after = '';
    for (const part of text.slice(first + open.length).split(open)) {
      const head = HEAD.exec(part);
      if (!head) return undefined;
      const reader = new LiteralReader(part, head[0].length, marks.quote);
      const json = reader.value();
      if (json === undefined) return undefined;
      calls.push({ name: head[1]!, arguments: json });
      const rest = part.slice(reader.at).trimStart();
      if (rest.startsWith(close)) after += rest.slice(close.length);
      else if (rest !== '') return undefined;
    }
    return { before: text.slice(0, first), calls, after };
  };
}

/** A number, true, false or null, as JSON spells them. */
const BARE = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y;
const KEY = /[^\s:{}[\],]+/y;
/** Deeper values are no arguments that anyone means. */
const DEEPEST = 100;

/** From a value in that spelling to JSON. */
class LiteralReader {
  readonly #text: string;
  readonly #quote: string;
  /** Where it has read to. */
  at: number;

  constructor(text: string, at: number, quote: string) {
    this.#text = text;
    this.at = at;
    this.#quote = quote;
  }

  /** The next value as JSON; undefined where there is none. */
  value(depth = 0): string | undefined {
    this.#skipSpace();
    if (depth > DEEPEST) return undefined;
    if (this.#take('{')) return this.#entries('}', '{', () => this.#field(depth));
    if (this.#take('[')) return this.#entries(']', '[', () => this.value(depth + 1));
    if (this.#text.startsWith(this.#quote, this.at)) return this.#quoted();
    return this.#match(BARE);
  }

  #entries(close: string, open: string, read: () => string | undefined): string | undefined {
    const entries: string[] = [];
    this.#skipSpace();
    if (this.#take(close)) return open + close;
    for (;;) {
      const entry = read();
      if (entry === undefined) return undefined;
      entries.push(entry);
      this.#skipSpace();
      if (this.#take(close)) return open + entries.join(', ') + close;
      if (!this.#take(',')) return undefined;
    }
  }

  #field(depth: number): string | undefined {
    this.#skipSpace();
    const isQuoted = this.#text.startsWith(this.#quote, this.at);
    const bare = isQuoted ? undefined : this.#match(KEY);
    const key = isQuoted ? this.#quoted() : bare && JSON.stringify(bare);
    this.#skipSpace();
    if (key === undefined || !this.#take(':')) return undefined;
    const value = this.value(depth + 1);
    return value === undefined ? undefined : `${key}: ${value}`;
  }

  #quoted(): string | undefined {
    const from = this.at + this.#quote.length;
    const to = this.#text.indexOf(this.#quote, from);
    if (to < 0) return undefined;
    this.at = to + this.#quote.length;
    return JSON.stringify(this.#text.slice(from, to));
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  #take(character: string): boolean {
    const isThere = this.#text[this.at] === character;
    if (isThere) this.at++;
    return isThere;
  }

  #skipSpace(): void {
    while (this.at < this.#text.length && this.#text[this.at]!.trim() === '') this.at++;
  }
}
