// Rows of different lengths through a transformers.js model together, token by token: padded on the left, so that all
// rows end at the same place. The model's own methods say what it needs beside the tokens and what its cache holds.

import type { Tensor } from '@huggingface/transformers';
import {
  type Inputs,
  type LibraryModel,
  type LibraryNetwork,
  networkOf,
  nextInputs,
  type Outputs,
  rowsOf,
} from './network.ts';

/** Numbers in the logits of one run, at most: 256 MB. Most exported graphs give logits at every token of a prompt. */
const LOGITS_PER_RUN = 2 ** 26;
/** Tokens of one run, padding included, where logits are no limit. */
const SLOTS_PER_RUN = 16_384;

export interface Batch {
  /** Raw logits of the next token, row by row. */
  next(): Promise<Float32Array[]>;
  /** One token more for every row. */
  append(tokens: readonly number[]): void;
  dispose(): Promise<void>;
}

export class BatchRunner {
  readonly #network: LibraryNetwork;
  readonly #Tensor: typeof Tensor;

  constructor(loaded: LibraryModel) {
    this.#network = networkOf(loaded);
    this.#Tensor = loaded.Tensor;
  }

  /** Cuts rows of these lengths into runs that fit: the numbers of the rows, rows of similar length together. */
  parts(lengths: readonly number[]): number[][] {
    const { sessions, config } = this.#network;
    const lastOnly = sessions.model?.inputNames.includes('num_logits_to_keep') ?? false;
    const slots = lastOnly ? SLOTS_PER_RUN : Math.min(SLOTS_PER_RUN, LOGITS_PER_RUN / (config.vocab_size ?? 2 ** 17));
    const shortestFirst = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
    const parts: number[][] = [];
    for (const row of shortestFirst) {
      const part = parts.at(-1);
      if (part && (part.length + 1) * lengths[row]! <= slots) part.push(row);
      else parts.push([row]);
    }
    return parts;
  }

  begin(rows: readonly (readonly number[])[]): Batch {
    const network = this.#network;
    const width = Math.max(...rows.map((row) => row.length));
    const ids = new BigInt64Array(rows.length * width);
    const mask = new BigInt64Array(rows.length * width);
    for (const [i, row] of rows.entries()) {
      const start = (i + 1) * width - row.length;
      for (const [t, id] of row.entries()) ids[start + t] = BigInt(id);
      mask.fill(1n, start, (i + 1) * width);
    }
    const shape = [rows.length, width]; // [row, token]
    let inputs: Inputs = {
      input_ids: new this.#Tensor('int64', ids, shape),
      attention_mask: new this.#Tensor('int64', mask, shape),
    };
    let outputs: Outputs | undefined;
    return {
      async next() {
        inputs = network.prepare_inputs_for_generation(null, inputs, null);
        outputs = await network.forward(inputs);
        return rowsOf(outputs.logits).map((steps) => steps.at(-1)!);
      },
      append(tokens) {
        inputs = nextInputs(network, inputs, outputs!, tokens);
      },
      async dispose() {
        await inputs.past_key_values?.dispose();
      },
    };
  }
}
