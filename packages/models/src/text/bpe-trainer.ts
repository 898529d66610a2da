// Trains a byte-level BPE without word splitting, in the layout of tokenizer.json. Known phrases become single tokens,
// so that a game's whole sentences cost one token each; any other text falls back to learned pieces and bytes.

import { addedToken, byteLevelBpe } from './byte-level-bpe.ts';

/** What a new byte-level tokenizer is made from. */
export interface TokenizerTraining {
  /** Texts to learn pieces from. */
  readonly texts: readonly string[];
  /** Texts that become one token each. */
  readonly phrases: readonly string[];
  /** Control tokens such as an end-of-turn mark: they get the first ids. */
  readonly specialTokens: readonly string[];
  /** Learned pieces beyond the 256 bytes. */
  readonly merges: number;
}

/** A tokenizer.json as data. */
export function trainTokenizer({ texts, phrases, specialTokens, merges: mergeCount }: TokenizerTraining): object {
  const alphabet = byteAlphabet();
  const vocab: Record<string, number> = {};
  let next = 0;
  for (const token of specialTokens) vocab[token] = next++;
  for (const character of alphabet) vocab[character] ??= next++;
  const merges = learnMerges(texts, alphabet, mergeCount);
  for (const [a, b] of merges) vocab[a + b] ??= next++;
  const addedTokens = [
    ...specialTokens.map((content, id) => addedToken(id, content, { special: true })),
    ...phrases.map((content) => addedToken(next++, content)),
  ];
  return byteLevelBpe({ addedTokens, vocab, merges, splitWords: false, addPrefixSpace: false });
}

/** The printable character that stands for each byte. Source: GPT-2's byte-level BPE. */
function byteAlphabet(): string[] {
  const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let moved = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : 256 + moved++));
}

/** The most frequent pair of neighbours, again and again; a tie goes to the pair that was seen first. */
function learnMerges(
  texts: readonly string[],
  alphabet: readonly string[],
  count: number,
): (readonly [string, string])[] {
  const encoder = new TextEncoder();
  let sequences = texts.map((text) => Array.from(encoder.encode(text), (byte) => alphabet[byte]!));
  const merges: (readonly [string, string])[] = [];
  while (merges.length < count) {
    const counts = new Map<string, { readonly pair: readonly [string, string]; count: number }>();
    for (const sequence of sequences) {
      for (let i = 1; i < sequence.length; i++) {
        const key = `${sequence[i - 1]} ${sequence[i]}`;
        const known = counts.get(key);
        if (known) known.count++;
        else counts.set(key, { pair: [sequence[i - 1]!, sequence[i]!], count: 1 });
      }
    }
    let best: { readonly pair: readonly [string, string]; count: number } | undefined;
    for (const entry of counts.values()) if (!best || entry.count > best.count) best = entry;
    if (!best || best.count < 2) break;
    merges.push(best.pair);
    const [a, b] = best.pair;
    sequences = sequences.map((sequence) => {
      const merged: string[] = [];
      for (let i = 0; i < sequence.length; i++) {
        if (sequence[i] === a && sequence[i + 1] === b) {
          merged.push(a + b);
          i++;
        } else merged.push(sequence[i]!);
      }
      return merged;
    });
  }
  return merges;
}
