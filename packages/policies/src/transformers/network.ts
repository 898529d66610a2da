// What is used of a transformers.js model: its own methods say what it needs beside the tokens and what its cache holds.

import type { PreTrainedModel, PreTrainedTokenizer, Tensor } from '@huggingface/transformers';

/** A causal language model as transformers.js has loaded it, with its tokenizer. `loadTransformers` makes one. */
export interface LibraryModel {
  readonly model: PreTrainedModel;
  readonly tokenizer: PreTrainedTokenizer;
  /** The class of the very copy of the library that loaded the model: inputs have to be of that one. */
  readonly Tensor: typeof Tensor;
}

/** The library types its inputs and outputs loosely. */
export interface LibraryNetwork {
  readonly sessions: { readonly model?: { readonly inputNames: readonly string[] } };
  readonly config: { readonly vocab_size?: number; readonly max_position_embeddings?: number };
  prepare_inputs_for_generation(ids: unknown, inputs: Inputs, config: unknown): Inputs;
  forward(inputs: Inputs): Promise<Outputs>;
  _update_model_kwargs_for_generation(step: {
    readonly generated_input_ids: readonly (readonly bigint[])[];
    readonly outputs: Outputs;
    readonly model_inputs: Inputs;
    readonly is_encoder_decoder: boolean;
  }): Inputs;
}
/** Keys and values of the tokens so far. */
export interface Cache {
  dispose(): Promise<void>;
}
export interface Inputs {
  readonly input_ids: Tensor;
  readonly attention_mask: Tensor;
  readonly past_key_values?: Cache;
  readonly num_logits_to_keep?: Tensor;
}
export interface Outputs {
  readonly logits: Tensor;
}

export const networkOf = ({ model }: LibraryModel): LibraryNetwork => model as unknown as LibraryNetwork;

/** The inputs of the next step, with one token more for each row. @param inputs those that gave `outputs` */
export const nextInputs = (
  network: LibraryNetwork,
  inputs: Inputs,
  outputs: Outputs,
  tokens: readonly number[],
): Inputs =>
  network._update_model_kwargs_for_generation({
    generated_input_ids: tokens.map((token) => [BigInt(token)]),
    outputs,
    model_inputs: inputs,
    is_encoder_decoder: false,
  });

/** @param logits [row, token, vocabulary] @returns raw logits by row and token */
export function rowsOf(logits: Tensor): Float32Array[][] {
  const [rows, steps, vocabulary] = logits.dims as [number, number, number];
  const data = logits.to('float32').data as Float32Array;
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: steps }, (_, step) => {
      const start = (row * steps + step) * vocabulary;
      return data.subarray(start, start + vocabulary);
    }),
  );
}
