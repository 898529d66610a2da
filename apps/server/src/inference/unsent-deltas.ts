// What has been sampled of a streamed answer and not been sent: one piece for each choice, however slowly its client reads.

import type { ChatDelta } from './protocol.ts';

interface Piece {
  text: string;
  readonly tokens: ChatDelta['tokens'][number][];
}

export class UnsentDeltas {
  #pieces = new Map<number, Piece>();

  get isEmpty(): boolean {
    return this.#pieces.size === 0;
  }

  add({ choice, text, tokens }: ChatDelta): void {
    const piece = this.#pieces.get(choice);
    if (!piece) {
      this.#pieces.set(choice, { text, tokens: [...tokens] });
      return;
    }
    piece.text += text;
    piece.tokens.push(...tokens);
  }

  /** All that there is, which is not kept here any longer. */
  take(): ChatDelta[] {
    const pieces = [...this.#pieces];
    this.#pieces = new Map();
    return pieces.map(([choice, piece]) => ({ choice, ...piece }));
  }
}
