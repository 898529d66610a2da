// A model ready to run, and which part of it learns.

import type { BaseBits, ChatTemplate, LoraConfig, ModelConfig, Precision, Tokenizer } from '@ludic/models';
import type { ResidentTensors, Runtime } from '@ludic/runtime';

/** A LoRA adapter whose parameters are in the memory of the runtime. */
export interface ResidentAdapter {
  readonly config: LoraConfig;
  readonly parameters: ResidentTensors;
}

/** What a policy, a trainer and a scorer share. */
export interface LanguageModel {
  readonly name: string;
  readonly runtime: Runtime;
  readonly config: ModelConfig;
  /** By name in the checkpoint. A trainer changes them. */
  readonly parameters: ResidentTensors;
  /** Trained beside the parameters, which are then frozen. */
  readonly adapter?: ResidentAdapter;
  /** Number format of matrix products, in sampling and in training alike; float32 by default. */
  readonly precision?: Precision;
  /** The parameters are kept in blocks of so many bits a number, and only an adapter is trained. */
  readonly baseBits?: BaseBits;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  /** What the model's files say that is ignored, as sentences. */
  readonly warnings?: readonly string[];
}

/** What training changes: the adapter where there is one, else the model itself. */
export const trainedParameters = ({ adapter, parameters }: LanguageModel): ResidentTensors =>
  adapter?.parameters ?? parameters;
