// A model ready to run, and which part of it learns.

import type { ChatTemplate, ModelConfig, Precision, Tokenizer } from '@ludic/models';
import type { ResidentTensors, Runtime } from '@ludic/runtime';
import type { ResidentAdapter } from './decoder.ts';

/** What a policy, a trainer and a scorer share. */
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
  /** What the model's files say that is not heeded, as sentences. */
  readonly warnings?: readonly string[];
}

/** What training changes: the adapter where there is one, else the model itself. */
export const trainedParameters = ({ adapter, parameters }: LanguageModel): ResidentTensors =>
  adapter?.parameters ?? parameters;
