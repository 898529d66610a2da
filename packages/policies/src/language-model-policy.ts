// The language-model policy: a model, and the settings that its replies are sampled with.

import type { EnvironmentDefinition } from '@ludic/environments';
import type { Generation, LanguageModel, Prompt, SamplingParams } from '@ludic/inference';
import { Sampler, ToolReplyReader } from '@ludic/inference';
import { checkSampling } from '@ludic/inference/internal';
import { type ActOptions, answerFitting, type GamePrompt, type NoReply, type Policy, type Reply } from './contract.ts';

/** What has a default may be left out: all tokens are drawn from, and a reply ends with its end token. */
export interface PolicySettings
  extends Omit<SamplingParams, 'topK' | 'topP' | 'stop'>,
    Partial<Pick<SamplingParams, 'topK' | 'topP' | 'stop'>> {
  /** Replies to this game end with its closing tag as well, where `stop` says nothing else. */
  readonly game?: Pick<EnvironmentDefinition, 'replyTag'>;
}

/**
 * Plays with one of Ludic's own models. Replies hold `tokens`: ids [tokens], log-probabilities and entropies in nats.
 * Where a prompt and `maxCompletionLength` exceed the context, its game gets `context_full`. `act` rejects with
 * PolicyError `not_finite`.
 */
export class LanguageModelPolicy implements Policy {
  readonly name: string;
  readonly #settings: SamplingParams;
  readonly #sampler: Sampler;
  readonly #owned: boolean;
  readonly #tools: ToolReplyReader;

  /**
   * @param shared a sampler of the same model that others ask as well; it stays theirs
   * @throws PolicyError `bad_setting`
   */
  constructor(model: LanguageModel, given: PolicySettings, shared?: Sampler) {
    const { game, ...rest } = given;
    const settings = { topK: 0, topP: 1, stop: game ? [`</${game.replyTag}>`] : [], ...rest };
    checkSampling(settings);
    this.name = model.name;
    this.#settings = settings;
    this.#owned = shared === undefined;
    this.#sampler = shared ?? new Sampler(model);
    this.#tools = new ToolReplyReader(model);
  }

  /** To be called when the model's parameters have changed: all that was computed with the old ones is forgotten. */
  weightsChanged(): void {
    this.#sampler.weightsChanged();
  }

  act(prompts: readonly GamePrompt[], options?: ActOptions): Promise<(Reply | NoReply)[]> {
    return answerFitting(
      prompts,
      (prompt) => {
        const { messages, tools } = askedIn(prompt);
        return this.#sampler.overflowOf(messages, this.#limitOf(prompt), tools);
      },
      (fitting) => this.#sample(fitting, options),
    );
  }

  /** Prompts of one limit and the same stops are one call; calls at the same time share their runs. */
  async #sample(prompts: readonly GamePrompt[], options?: ActOptions): Promise<readonly Reply[]> {
    const replies: Reply[] = new Array(prompts.length);
    const keyOf = (i: number) => JSON.stringify([this.#limitOf(prompts[i]!), prompts[i]!.request?.stop ?? []]);
    const calls = [...Map.groupBy(prompts.keys(), keyOf).values()].map(async (places) => {
      const first = prompts[places[0]!]!;
      const maxCompletionLength = this.#limitOf(first);
      const stop = [...this.#settings.stop, ...(first.request?.stop ?? [])];
      const asked = places.map((i) => askedIn(prompts[i]!));
      const made = await this.#sampler.sample(asked, { ...this.#settings, maxCompletionLength, stop }, options);
      for (const [at, i] of places.entries()) replies[i] = this.#withToolText(made[at]!, asked[at]!);
    });
    await Promise.all(calls);
    return replies;
  }

  #limitOf({ request }: GamePrompt): number {
    const { maxCompletionLength } = this.#settings;
    return Math.min(maxCompletionLength, request?.maxCompletionLength ?? maxCompletionLength);
  }

  #withToolText(reply: Generation, { tools = [] }: Prompt): Reply {
    if (tools.length === 0) return reply;
    const { format, text } = this.#tools;
    return { ...reply, toolText: { text: text(reply.tokens.completion), format } };
  }

  dispose(): void {
    if (this.#owned) this.#sampler.dispose();
  }
}

/** What the model is asked: a conversation with its tools, under the stream of its episode. */
const askedIn = ({ messages, random, request }: GamePrompt): Prompt =>
  request
    ? { messages: request.messages, random, ...(request.tools && { tools: request.tools }) }
    : { messages, random };
