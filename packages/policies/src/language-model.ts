// The language-model policy: a model, and the settings that its replies are sampled with.

import type { ChatTemplate, ModelConfig, Precision, Tokenizer } from '@ludic/models';
import type { ResidentTensors, Runtime } from '@ludic/runtime';
import type { ActOptions, Policy, Prompt, Reply } from './contract.ts';
import type { ResidentAdapter } from './decoder.ts';
import type { LanguageModelSettings } from './running-reply.ts';
import { Sampler } from './sampler.ts';
import { checkSampling } from './sampling-settings.ts';

/** A model ready to run: what a policy, a trainer and a scorer share. */
export interface LanguageModel {
  readonly name: string;
  readonly runtime: Runtime;
  readonly config: ModelConfig;
  /** By name in the checkpoint. A trainer changes them. */
  readonly parameters: ResidentTensors;
  /** Trained beside the parameters, which are then frozen. */
  readonly adapter?: ResidentAdapter;
  /** What matrix products are taken in, in sampling and in training alike; by default float32. */
  readonly precision?: Precision;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
}

/** What training changes: the adapter where there is one, else the model itself. */
export const trainedParameters = ({ adapter, parameters }: LanguageModel): ResidentTensors =>
  adapter?.parameters ?? parameters;

export class LanguageModelPolicy implements Policy {
  readonly name: string;
  readonly #settings: LanguageModelSettings;
  readonly #sampler: Sampler;
  readonly #owned: boolean;

  /**
   * @param shared a sampler of the same model that others ask as well; it stays theirs
   * @throws PolicyError `bad_setting`
   */
  constructor(model: LanguageModel, settings: LanguageModelSettings, shared?: Sampler) {
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

  act(prompts: readonly Prompt[], options?: ActOptions): Promise<Reply[]> {
    return this.#sampler.sample(prompts, this.#settings, options);
  }

  dispose(): void {
    if (this.#owned) this.#sampler.dispose();
  }
}
