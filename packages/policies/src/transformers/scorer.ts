// What a transformers.js model thinks of tokens that are there already, as `Scorer` says it of our own.

import type { Message } from '@ludic/history';
import type { RatedToken, TokenScorer } from '@ludic/inference';
import { checkTokens, logSumExp, notFinite, rateToken } from '@ludic/inference/internal';
import { sharedPrefixLength } from '@ludic/models/internal';
import { coderOf } from './coder.ts';
import { type LibraryModel, networkOf } from './network.ts';
import { encodePrompt } from './prompt.ts';
import { type SequencePosition, SequenceRunner, START } from './sequence.ts';

/** What comes next after a place. */
interface Next {
  readonly logits: Float32Array;
  /** Of the logits. */
  readonly total: number;
}

/** A reply, and log π of as much of it as was looked at. */
interface Scored {
  readonly ids: Int32Array;
  sum: number;
}

/** Log-probabilities, in nats and at temperature 1, by a model of transformers.js; throws as `Scorer` does. */
export class TransformersScorer implements TokenScorer {
  readonly #name: string;
  readonly #loaded: LibraryModel;
  readonly #runner: SequenceRunner;

  constructor(name: string, loaded: LibraryModel) {
    this.#name = name;
    this.#loaded = loaded;
    this.#runner = new SequenceRunner(loaded);
  }

  async rate(prompt: Int32Array, completion: Int32Array, alternatives: number): Promise<RatedToken[]> {
    if (completion.length === 0) return [];
    this.#check(prompt, [completion]);
    const decoder = coderOf(this.#loaded);
    return this.#go(START, prompt, 'last', async (place, [first]) => {
      const told = [first!];
      if (completion.length > 1)
        await this.#go(place, completion.subarray(0, -1), 'each', async (_, later) => void told.push(...later));
      return told.map(({ logits }, i) => rateToken(completion[i]!, logits, alternatives, decoder));
    });
  }

  async replies(messages: readonly Message[], replies: readonly string[]): Promise<number[]> {
    const prompt = Int32Array.from(encodePrompt(this.#loaded, this.#name, messages));
    const coder = coderOf(this.#loaded);
    const scored = replies.map((reply): Scored => ({ ids: coder.encode(reply), sum: 0 }));
    const written = scored.filter(({ ids }) => ids.length > 0);
    if (written.length > 0) {
      this.#check(
        prompt,
        written.map(({ ids }) => ids),
      );
      await this.#go(START, prompt, 'last', (place, [next]) => this.#branch(place, next!, 0, written));
    }
    return scored.map(({ sum }) => sum);
  }

  /** The caller that opened the model disposes of it. */
  async dispose(): Promise<void> {}

  /** Replies that are the same for `depth` tokens, and longer: what they go on with together is looked at once. */
  async #branch(place: SequencePosition, next: Next, depth: number, replies: readonly Scored[]): Promise<void> {
    const branches = Map.groupBy(replies, ({ ids }) => ids[depth]!);
    for (const [token, same] of branches) {
      for (const reply of same) reply.sum += next.logits[token]! - next.total;
      const longer = same.filter(({ ids }) => ids.length > depth + 1);
      if (longer.length === 0) continue;
      const shortest = longer.reduce((least, { ids }) => Math.min(least, ids.length), Number.POSITIVE_INFINITY);
      const sequences = longer.map(({ ids }) => ids);
      // What comes after a last token is not asked.
      const end = sharedPrefixLength(sequences, shortest - 1);
      const shared = sequences[0]!.subarray(depth, end);
      await this.#go(place, shared, 'each', async (there, told) => {
        for (let i = 1; i < shared.length; i++) {
          const { logits, total } = told[i - 1]!;
          for (const reply of longer) reply.sum += logits[shared[i]!]! - total;
        }
        await this.#branch(there, told.at(-1)!, end, longer);
      });
    }
  }

  /** Goes there, and leaves the place afterwards. */
  async #go<T>(
    from: SequencePosition,
    tokens: Int32Array,
    wanted: 'each' | 'last',
    then: (place: SequencePosition, told: readonly Next[]) => Promise<T>,
  ): Promise<T> {
    const { place, logits } = await this.#runner.go(from, tokens, wanted);
    try {
      const told = logits.map((one) => {
        if (!one.every(Number.isFinite)) throw notFinite();
        return { logits: one, total: logSumExp(one) };
      });
      return await then(place, told);
    } finally {
      await this.#runner.leave(place);
    }
  }

  #check(prompt: Int32Array, completions: readonly Int32Array[]): void {
    const { config } = networkOf(this.#loaded);
    const limits = {
      name: this.#name,
      maxPositions: config.max_position_embeddings ?? Number.POSITIVE_INFINITY,
      vocabSize: config.vocab_size ?? Number.POSITIVE_INFINITY,
    };
    const longest = completions.reduce((most, { length }) => Math.max(most, length), 0);
    checkTokens(
      [prompt],
      completions.flatMap((ids) => [...ids]),
      longest - 1,
      limits,
    );
  }
}
