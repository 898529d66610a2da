// A conversation that grows is encoded again at every turn. Its special tokens cut it into pieces that are encoded
// independently of each other, so that each piece is encoded once.

import type { Json } from '../config/model-config.ts';

/** Pieces in the cache, and the longest that is kept, in characters. */
const MOST_PIECES = 20_000;
const LONGEST_PIECE = 2000;

/**
 * Encodes as `encode` does, with equal pieces encoded once.
 * @param json a tokenizer.json, of whose added tokens `encode` finds the leftmost first, and of several there the longest
 */
export function piecewise(encode: (text: string) => readonly number[], json: Json): (text: string) => Int32Array {
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
  if (contents.length === 0) return (text) => Int32Array.from(encode(text));
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
  return (text) => {
    const pieces: (readonly number[])[] = [];
    let from = 0;
    for (const { 0: content, index } of text.matchAll(added)) {
      if (index === from || !begins.has(content)) continue;
      pieces.push(encodePiece(text.slice(from, index)));
      from = index;
    }
    if (from < text.length) pieces.push(encodePiece(text.slice(from)));
    return Int32Array.from(pieces.flat());
  };
}
