// What has been sampled of a streamed answer and not been sent: one piece for each choice, however slowly its client reads.

import type { ChoiceDelta } from '@ludic/chat';

interface UnsentPiece {
  text: string;
  readonly tokens: ChoiceDelta['tokens'][number][];
}

export class UnsentDeltas {
  #pieces = new Map<number, UnsentPiece>();

  get isEmpty(): boolean {
    return this.#pieces.size === 0;
  }

  add({ choice, text, tokens }: ChoiceDelta): void {
    const piece = this.#pieces.get(choice);
    if (!piece) {
      this.#pieces.set(choice, { text, tokens: [...tokens] });
      return;
    }
    piece.text += text;
    piece.tokens.push(...tokens);
  }

  /** All that there is, which is not kept here any longer. */
  take(): ChoiceDelta[] {
    const pieces = [...this.#pieces];
    this.#pieces = new Map();
    return pieces.map(([choice, piece]) => ({ choice, ...piece }));
  }
}
