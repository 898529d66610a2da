// Log-probabilities of tokens that exist already: of a recorded reply, or of replies that the model might give.

import type { Message } from '@ludic/history';
import type { ModelConfig } from '@ludic/models';
import { sharedPrefixLength } from '@ludic/models/internal';
import { Decoder } from './decoder.ts';
import { PolicyError } from './errors.ts';
import type { LanguageModel } from './language-model.ts';
import { PromptEncoder } from './prompt-encoder.ts';
import { notFinite } from './sampling/distribution.ts';
import { logSumExp, type RatedToken, rateToken } from './sampling/logprobs.ts';

/** Token slots of one run, padding included. Every row returns the logits of the whole vocabulary. */
const SLOTS_PER_RUN = 8192;
/** Numbers of such logits in one run: 64 MB. */
const LOGITS_PER_RUN = 2 ** 24;
/** A shorter common prefix is not worth a run of its own. */
const SHORTEST_PREFIX = 4;

/** Computes log-probabilities, in nats and at temperature 1, of tokens that exist already. It draws nothing. */
export class Scorer {
  readonly #model: LanguageModel;
  readonly #decoder: Decoder;
  readonly #encoder: PromptEncoder;
  /** Runs one at a time: the keys and values of a run are freed when it ends. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(model: LanguageModel) {
    this.#model = model;
    this.#decoder = new Decoder(model);
    this.#encoder = new PromptEncoder(model.tokenizer, model.template);
  }

  /**
   * Log π of each token of a completion at temperature 1, and of the most likely tokens in its place.
   * @param alternatives how many of the most likely tokens to return
   * @throws PolicyError `prompt_too_long`, `bad_token`, `not_finite`
   */
  async rate(prompt: Int32Array, completion: Int32Array, alternatives: number): Promise<RatedToken[]> {
    const rows = Array.from(completion, (_, i) => joined(prompt, completion.subarray(0, i)));
    const rated: RatedToken[] = [];
    const { tokenizer } = this.#model;
    await this.#next(rows, completion, (i, logits) => {
      rated[i] = rateToken(completion[i]!, logits, alternatives, tokenizer);
    });
    return rated;
  }

  /**
   * log π of each reply, in nats and at temperature 1: of its text in the tokenizer's tokens, whatever follows it.
   * @throws PolicyError `prompt_too_long`, `not_finite`
   */
  async replies(messages: readonly Message[], replies: readonly string[]): Promise<number[]> {
    const prompt = this.#encoder.encode(messages);
    const encoded = replies.map((reply) => this.#model.tokenizer.encode(reply));
    // Common prefixes of replies are computed once: by each, log π of the tokens that come next in some reply.
    const rows = new Map<string, { readonly ids: Int32Array; readonly next: Map<number, number> }>();
    for (const ids of encoded) {
      for (const [i, id] of ids.entries()) {
        const row = rows.get(keyOf(ids, i)) ?? { ids: ids.subarray(0, i), next: new Map() };
        rows.set(keyOf(ids, i), row);
        row.next.set(id, 0);
      }
    }
    const prefixes = [...rows.values()];
    await this.#next(
      prefixes.map(({ ids }) => joined(prompt, ids)),
      encoded.flatMap((ids) => [...ids]),
      (row, logits) => {
        const shift = logSumExp(logits);
        const { next } = prefixes[row]!;
        for (const id of next.keys()) next.set(id, logits[id]! - shift);
      },
    );
    return encoded.map((ids) => ids.reduce((sum, id, i) => sum + rows.get(keyOf(ids, i))!.next.get(id)!, 0));
  }

  async dispose(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#decoder.dispose();
  }

  /** Raw logits of the token after each sequence. @param asked token ids that will be looked up in them */
  #next(
    sequences: readonly Int32Array[],
    asked: ArrayLike<number>,
    take: (sequence: number, logits: Float32Array) => void,
  ): Promise<void> {
    const run = this.#last.catch(() => {}).then(() => this.#run(sequences, asked, take));
    this.#last = run;
    return run;
  }

  async #run(
    sequences: readonly Int32Array[],
    asked: ArrayLike<number>,
    take: (sequence: number, logits: Float32Array) => void,
  ): Promise<void> {
    if (sequences.length === 0) return;
    const { maxPositions, vocabSize } = this.#model.config;
    checkTokens(sequences, asked, 0, { name: this.#model.name, maxPositions, vocabSize });
    const lengths = sequences.map(({ length }) => length);
    const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
    const shortest = lengths.reduce((least, length) => Math.min(least, length), longest);
    const shared = sequences.length > 1 ? sharedPrefixLength(sequences, shortest - 1) : 0;
    const together = Math.max(1, Math.floor(Math.min(SLOTS_PER_RUN / (longest - shared), LOGITS_PER_RUN / vocabSize)));
    try {
      const prefix = shared < SHORTEST_PREFIX ? undefined : await this.#decoder.prefix(sequences[0]!.slice(0, shared));
      for (let from = 0; from < sequences.length; from += together) {
        const { logits } = await this.#decoder.prefill(sequences.slice(from, from + together), prefix);
        for (let row = 0; row * vocabSize < logits.length; row++) {
          const own = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
          if (!own.every(Number.isFinite)) throw notFinite();
          take(from + row, own);
        }
      }
    } finally {
      await this.#decoder.release(new Set(), undefined);
    }
  }
}

/** A scorer of a model that any software runs. */
export type TokenScorer = Pick<Scorer, 'rate' | 'replies' | 'dispose'>;

/**
 * Checks that a model can compute logits after some sequences.
 * @param asked token ids that will be looked up in the logits @param more tokens by which some sequences will still grow
 * @throws PolicyError `prompt_too_long`, `bad_token`
 */
export function checkTokens(
  sequences: readonly Int32Array[],
  asked: ArrayLike<number>,
  more: number,
  { name, maxPositions, vocabSize }: Pick<ModelConfig, 'maxPositions' | 'vocabSize'> & { readonly name: string },
): void {
  for (const sequence of sequences) {
    if (sequence.length === 0)
      throw new PolicyError('bad_token', 'There is no prompt: a model says nothing of the first token of all.');
    const length = sequence.length + more;
    if (length >= maxPositions)
      throw new PolicyError(
        'prompt_too_long',
        `A prompt and reply of ${length + 1} tokens do not fit the ${maxPositions} positions of ${name}.`,
      );
  }
  for (const ids of [...sequences, asked])
    for (let i = 0; i < ids.length; i++)
      if (!(ids[i]! >= 0 && ids[i]! < vocabSize))
        throw new PolicyError(
          'bad_token',
          `The token id ${ids[i]} is outside the vocabulary of ${name}: the tokens are another model's.`,
        );
}

function joined(first: Int32Array, second: Int32Array): Int32Array {
  const all = new Int32Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

const keyOf = (ids: Int32Array, length: number) => ids.subarray(0, length).join();
