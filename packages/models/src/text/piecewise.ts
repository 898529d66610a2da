// A conversation that grows is encoded again at every turn. Its special tokens cut it into pieces that are encoded
// independently of each other, so that each piece is encoded once.

import type { Json } from '../config/model-config.ts';

/** Pieces in the cache, and the longest that is kept, in characters. */
const MOST_PIECES = 20_000;
const LONGEST_PIECE = 2000;

export interface PieceEncoder {
  encode(text: string): Int32Array;
  /** Whether what stands before a text that begins so changes none of its ids, nor it theirs; false where that is not sure. */
  beginsAnew(text: string): boolean;
}

/**
 * Encodes as `encode` does, with equal pieces encoded once.
 * @param json a tokenizer.json, of whose added tokens `encode` finds the leftmost first, and of several there the longest
 */
export function piecewise(encode: (text: string) => readonly number[], json: Json): PieceEncoder {
  // Where texts are normalized, tokens of normalized text are looked for later, within a piece.
  const found = (json.added_tokens as readonly Json[]).filter(
    ({ special = false, normalized = !special }) => json.normalizer == null || !normalized,
  );
  // One that takes in what stands before it, or looks at it, belongs to the piece before.
  const begins = new Set(
    found.filter(({ lstrip, single_word }) => !lstrip && !single_word).map(({ content }) => content),
  );
  const contents = found.map(({ content }) => content as string).filter((content) => content !== '');
  contents.sort((a, b) => b.length - a.length);
  if (contents.length === 0) return { encode: (text) => Int32Array.from(encode(text)), beginsAnew: () => false };
  const added = new RegExp(contents.map((content) => content.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'), 'g');
  const known = new Map<string, readonly number[]>();
  const encodePiece = (piece: string): readonly number[] => {
    let ids = known.get(piece);
    if (!ids) {
      ids = encode(piece);
      if (piece.length > LONGEST_PIECE) return ids;
      if (known.size >= MOST_PIECES) known.clear();
      known.set(piece, ids);
    }
    return ids;
  };
  const special = found.filter((token) => token.special).map(({ content }) => content as string);
  const separate = new Set(special.filter((content) => begins.has(content) && !contents.some(reachesInto(content))));
  const first = new RegExp(added.source, 'y');
  return {
    encode(text) {
      const pieces: (readonly number[])[] = [];
      let from = 0;
      for (const { 0: content, index } of text.matchAll(added)) {
        if (index === from || !begins.has(content)) continue;
        pieces.push(encodePiece(text.slice(from, index)));
        from = index;
      }
      if (from < text.length) pieces.push(encodePiece(text.slice(from)));
      return Int32Array.from(pieces.flat());
    },
    beginsAnew(text) {
      first.lastIndex = 0;
      return separate.has(first.exec(text)?.[0] ?? '');
    },
  };
}

/** Whether a token may begin before another and end in or behind it. */
const reachesInto = (other: string) => (token: string) =>
  Array.from({ length: token.length - 1 }, (_, i) => token.slice(i + 1)).some(
    (rest) => rest.startsWith(other) || other.startsWith(rest),
  );
