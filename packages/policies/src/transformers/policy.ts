// The policy of a transformers.js model. The library runs the network and keeps its keys and values; tokens are drawn
// here, from the exact distribution and the episode's own stream, which its `generate` does not offer.

import type { SamplingParams } from '@ludic/inference';
import { contextOverflow, distributionOf, draw, stopsWithSpecialTokens } from '@ludic/inference/internal';
import { type ActOptions, answerFitting, type GamePrompt, type NoReply, type Policy, type Reply } from '../contract.ts';
import { type Batch, BatchRunner } from './batch.ts';
import { coderOf } from './coder.ts';
import { type LibraryModel, networkOf } from './network.ts';
import { encodePrompt } from './prompt.ts';

interface SampledAnswer {
  readonly random: GamePrompt['random'];
  readonly ids: readonly number[];
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly entropies: number[];
  reply: Reply | undefined;
}

/**
 * Plays with a model of transformers.js, which it disposes of. Replies hold `tokens` as those of
 * `LanguageModelPolicy`. `act` rejects with PolicyError `not_finite`, or `bad_model` where the chat template fails.
 */
export class TransformersPolicy implements Policy {
  readonly name: string;
  readonly #loaded: LibraryModel;
  readonly #settings: SamplingParams;
  readonly #runner: BatchRunner;
  readonly #endTokens: ReadonlySet<number>;
  /** Stop texts that hold a special token. */
  readonly #specialStops: readonly string[];

  constructor(name: string, loaded: LibraryModel, settings: SamplingParams) {
    this.name = name;
    this.#loaded = loaded;
    this.#settings = settings;
    this.#runner = new BatchRunner(loaded);
    this.#endTokens = endTokens(loaded);
    this.#specialStops = stopsWithSpecialTokens(settings.stop, coderOf(loaded));
  }

  act(prompts: readonly GamePrompt[], { signal }: ActOptions = {}): Promise<(Reply | NoReply)[]> {
    return answerFitting(
      prompts,
      (prompt) => this.#overflowOf(prompt),
      (fitting) => this.#answerAll(fitting, signal),
    );
  }

  async #answerAll(prompts: readonly GamePrompt[], signal: AbortSignal | undefined): Promise<Reply[]> {
    const answers = prompts.map(({ messages, random }): SampledAnswer => {
      const ids = encodePrompt(this.#loaded, this.name, messages);
      return { random, ids, tokens: [], logprobs: [], entropies: [], reply: undefined };
    });
    for (const part of this.#runner.parts(answers.map(({ ids }) => ids.length))) {
      await this.#answer(
        part.map((i) => answers[i]!),
        signal,
      );
    }
    return answers.map((answer) => answer.reply!);
  }

  dispose(): void {
    void this.#loaded.model.dispose();
  }

  #overflowOf({ messages }: GamePrompt): string | undefined {
    const positions = networkOf(this.#loaded).config.max_position_embeddings ?? Number.POSITIVE_INFINITY;
    const { length } = encodePrompt(this.#loaded, this.name, messages);
    return contextOverflow(length, this.#settings.maxCompletionLength, positions, this.name);
  }

  /** Rows that are complete are fed on with the others: cutting them out of the cache costs more. */
  async #answer(answers: readonly SampledAnswer[], signal: AbortSignal | undefined): Promise<void> {
    const batch: Batch = this.#runner.begin(answers.map(({ ids }) => ids));
    try {
      for (;;) {
        signal?.throwIfAborted();
        const logits = await batch.next();
        for (const [i, answer] of answers.entries()) if (!answer.reply) this.#drawToken(answer, logits[i]!);
        if (answers.every(({ reply }) => reply)) return;
        batch.append(answers.map(({ tokens }) => tokens.at(-1)!));
      }
    } finally {
      await batch.dispose();
    }
  }

  #hasStopText(text: string, tokens: readonly number[]): boolean {
    if (this.#settings.stop.some((stop) => text.includes(stop))) return true;
    if (this.#specialStops.length === 0) return false;
    const whole = coderOf(this.#loaded).decode(tokens);
    return this.#specialStops.some((stop) => whole.includes(stop));
  }

  #drawToken(answer: SampledAnswer, logits: Float32Array): void {
    const { token, logprob, entropy } = draw(distributionOf(logits, this.#settings), answer.random.nextFloat());
    answer.tokens.push(token);
    answer.logprobs.push(logprob);
    answer.entropies.push(entropy);
    const text = replyTextOf(this.#loaded, answer.tokens);
    const stopped = this.#endTokens.has(token) || this.#hasStopText(text, answer.tokens);
    if (!stopped && answer.tokens.length < this.#settings.maxCompletionLength) return;
    answer.reply = {
      text,
      finish: stopped ? 'stop' : 'length',
      tokens: {
        prompt: Int32Array.from(answer.ids),
        completion: Int32Array.from(answer.tokens),
        logprobs: Float32Array.from(answer.logprobs),
        entropies: Float32Array.from(answer.entropies),
      },
    };
  }
}

/** The text of a reply's tokens. */
export const replyTextOf = (loaded: LibraryModel, tokens: number[]): string =>
  coderOf(loaded).decode(tokens, { skipSpecialTokens: true });

/**
 * The tokens that end a turn: those of config.json and of generation_config.json, as our own models have them, or else the
 * tokenizer's.
 */
export function endTokens({ model, tokenizer }: LibraryModel): ReadonlySet<number> {
  const of = (holder: unknown): readonly number[] => {
    const ids = (holder as { eos_token_id?: number | readonly number[] | null } | null)?.eos_token_id ?? [];
    return typeof ids === 'number' ? [ids] : ids;
  };
  const named = [...of(model.generation_config), ...of(model.config)];
  return new Set(named.length > 0 ? named : of(tokenizer));
}
