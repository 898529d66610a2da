// The language-model policy: a model, and the settings that its replies are sampled with.

import type { EnvironmentDefinition } from '@ludic/environments';
import type { LanguageModel, SamplingParams } from '@ludic/inference';
import { Sampler } from '@ludic/inference';
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
  }

  /** To be called when the model's parameters have changed: all that was computed with the old ones is forgotten. */
  weightsChanged(): void {
    this.#sampler.weightsChanged();
  }

  act(prompts: readonly GamePrompt[], options?: ActOptions): Promise<(Reply | NoReply)[]> {
    const { maxCompletionLength } = this.#settings;
    return answerFitting(
      prompts,
      ({ messages }) => this.#sampler.overflowOf(messages, maxCompletionLength),
      (fitting) => this.#sampler.sample(fitting, this.#settings, options),
    );
  }

  dispose(): void {
    if (this.#owned) this.#sampler.dispose();
  }
}
