// What a client sees of a reply: everything before the first stop text, and nothing that may still turn out to begin one.

import type { RatedToken } from '@ludic/inference';

/** What is shown of a reply beyond what was. */
export interface VisiblePiece {
  readonly text: string;
  /** Where they are wanted. */
  readonly tokens: readonly RatedToken[];
}

export class VisibleText {
  readonly #stop: readonly string[];
  #text = '';
  #shown = 0;
  /** Tokens that have not been shown, with where their text begins. */
  #waiting: (readonly [number, RatedToken])[] = [];

  /** @param stop none of them empty */
  constructor(stop: readonly string[]) {
    this.#stop = stop;
  }

  /**
   * @param text the whole reply so far
   * @param token the newest, where tokens are wanted
   * @returns what can be shown beyond what was
   */
  grow(text: string, token?: RatedToken): VisiblePiece {
    if (token) this.#waiting.push([this.#text.length, token]);
    this.#text = text;
    return this.#show(this.#end() ?? text.length - heldBack(text, this.#stop));
  }

  /** @param text the whole reply */
  finish(text: string): VisiblePiece {
    this.#text = text;
    return this.#show(this.#end() ?? text.length);
  }

  /** All that has been shown. */
  get shown(): string {
    return this.#text.slice(0, this.#shown);
  }

  /** Where the first stop text begins. */
  #end(): number | undefined {
    const places = this.#stop.map((stop) => this.#text.indexOf(stop)).filter((at) => at >= 0);
    return places.length > 0 ? Math.min(...places) : undefined;
  }

  #show(end: number): VisiblePiece {
    const text = this.#text.slice(this.#shown, end);
    this.#shown = Math.max(this.#shown, end);
    const tokens = this.#waiting.filter(([from]) => from < this.#shown).map(([, token]) => token);
    this.#waiting = this.#waiting.slice(tokens.length);
    return { text, tokens };
  }
}

/** Characters at the end of a text that a stop text may begin with. */
export function heldBack(text: string, stop: readonly string[]): number {
  let most = 0;
  for (const one of stop) {
    for (let length = Math.min(one.length - 1, text.length); length > most; length--) {
      if (text.endsWith(one.slice(0, length))) most = length;
    }
  }
  return most;
}
