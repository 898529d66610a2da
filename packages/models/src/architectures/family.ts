// What a family of models must say about itself. All other code asks a family through this interface and never compares
// its name.

import type { RotaryTables, Value } from '@ludic/graph';
import type { FieldTable } from '../config/known-fields.ts';
import type { FamilyName, Json, ModelConfig } from '../config/model-config.ts';
import type { DefaultTemplate } from '../text/default-template.ts';

/** Numbers that a tensor of a new model begins with: `residual` is normal, but smaller with every layer. */
export type Initialization = 'normal' | 'residual' | 'zeros' | 'ones';

/** What is known of a parameter before there is one: its shape in the checkpoint, and how a new model begins. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly init: Initialization;
  /** How the weight of a linear layer is stored: `[out, in]`, or `[in, out]` as Conv1D has it. Absent for other tensors. */
  readonly linear?: 'out_in' | 'in_out';
}

/** How many numbers the linear layer of a weight gives and takes. */
export const sidesOf = ({ shape, linear }: Pick<TensorSpec, 'shape' | 'linear'>): [to: number, from: number] =>
  linear === 'in_out' ? [shape[1]!, shape[0]!] : [shape[0]!, shape[1]!];

/** The weights of a model in a graph, by their names in the checkpoint. */
export interface Weights {
  /** A parameter, in the checkpoint's own orientation. */
  tensor(name: string): Value;
  /** Rows of the table `name` [rows, width] by `indices` [n] → [n, width]. */
  rows(name: string, indices: Value): Value;
  /**
   * x [tokens, in] through the linear layer `name`: `name.weight`, its bias where it has one, and what adapts it. A tied
   * head is the layer whose weight is the table of embeddings.
   */
  linear(x: Value, name: string): Value;
}

/**
 * Attention of one layer over packed tokens: queries [tokens, heads · headDim] (scaled), keys and values
 * [tokens, kvHeads · headDim] → [tokens, heads · headDim].
 */
export type Attention = (layer: number, queries: Value, keys: Value, values: Value) => Value;

export interface PackedTokens {
  /** [tokens], of an integer type */
  readonly ids: Value;
  /** [tokens, 1] int64 as rotary embeddings want them, or [tokens] int32 where positions are learned. */
  readonly positions: Value;
  /** Where the family turns queries and keys by position. */
  readonly rotary?: RotaryTables;
  /** Of the layers with a sliding window, where it differs. */
  readonly localRotary?: RotaryTables;
}

/** What a layer needs beside what it is given. */
export interface Network {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly tokens: PackedTokens;
  readonly attention: Attention;
}

export interface Family {
  readonly name: FamilyName;
  /** The fields that its config.json may have, and what each means for the numbers. */
  readonly fields: FieldTable;
  /** The chat template of its models that come without one. */
  readonly defaultTemplate: DefaultTemplate;
  /** The name of the table of embeddings, which a tied head shares. */
  readonly embeddings: string;
  /** @throws ModelError `bad_config` */
  readConfig(json: Json): ModelConfig;
  /** config.json, as Hugging Face transformers reads it. */
  writeConfig(config: ModelConfig): Json;
  /** Names, shapes and beginnings of all parameters, in the order of the network. */
  tensors(config: ModelConfig): ReadonlyMap<string, TensorSpec>;
  /** Our name of a tensor in a file; undefined where it is no parameter, such as a mask kept beside the weights. */
  nameOf(stored: string, config: ModelConfig): string | undefined;
  /** The name that Hugging Face transformers gives a parameter in a file. */
  storedName(name: string): string;
  /** Numbers per token that the backward pass of one layer keeps, attention scores and adapters aside. */
  activationsPerToken(config: ModelConfig): number;
  /** What the first layer gets, [tokens, hiddenSize]. */
  embed(config: ModelConfig, weights: Weights, tokens: PackedTokens): Value;
  /** What layer number `layer` makes of x, [tokens, hiddenSize] both. */
  layer(x: Value, layer: number, network: Network): Value;
  /** Logits [tokens, vocabSize] of hidden states [tokens, hiddenSize]. */
  head(config: ModelConfig, weights: Weights, hidden: Value): Value;
}

/** Ignores what many files carry beside the parameters, and the tied head that some repeat. */
export function plainName(stored: string, config: ModelConfig): string | undefined {
  if (stored.endsWith('.rotary_emb.inv_freq')) return undefined;
  if (config.tieWordEmbeddings && stored === 'lm_head.weight') return undefined;
  // Saved as the network alone, without the head.
  return /^(embed_tokens|layers|norm)\./.test(stored) ? `model.${stored}` : stored;
}

/**
 * What attention and the residual stream add to `activationsPerToken`: the layer's input, both norms and the sum between
 * them; queries as they are projected and as they are split into heads; keys and values likewise; the mixed values.
 */
export const attentionActivations = ({ hiddenSize, heads, kvHeads, headDim }: ModelConfig): number =>
  4 * hiddenSize + 3 * heads * headDim + 4 * kvHeads * headDim;
