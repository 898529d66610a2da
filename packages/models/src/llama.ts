// The Llama family: RMSNorm, rotary positions, grouped-query attention, SwiGLU, no biases. One definition of the layers
// serves training and decoding: they differ only in `Attention`, which says what each token may look at.

import {
  add,
  gatherRows,
  linear,
  mul,
  type RotaryTables,
  rmsNorm,
  rotary,
  scale,
  silu,
  type Value,
} from '@ludic/graph';
import type { LlamaConfig } from './config.ts';

/** The parameter of a checkpoint's name, in the checkpoint's own orientation. */
export type Parameters = (name: string) => Value;

/**
 * Attention of one layer over packed tokens: queries [tokens, heads · headDim] (scaled), keys and values
 * [tokens, kvHeads · headDim] → [tokens, heads · headDim].
 */
export type Attention = (layer: number, queries: Value, keys: Value, values: Value) => Value;

export interface PackedTokens {
  /** [tokens] int64 */
  readonly ids: Value;
  /** [tokens] int64 */
  readonly positions: Value;
  readonly rotary: RotaryTables;
}

/** Hidden states [tokens, hiddenSize] before the final norm. */
export function llamaLayers(
  config: LlamaConfig,
  parameters: Parameters,
  tokens: PackedTokens,
  attention: Attention,
): Value {
  let x = gatherRows(parameters('model.embed_tokens.weight'), tokens.ids);
  for (let layer = 0; layer < config.layers; layer++) {
    const weight = (name: string) => parameters(`model.layers.${layer}.${name}.weight`);
    const normal = rmsNorm(x, weight('input_layernorm'), config.normEpsilon);
    const turn = (name: string) => rotary(linear(normal, weight(name)), tokens.positions, tokens.rotary);
    const queries = scale(turn('self_attn.q_proj'), 1 / Math.sqrt(config.headDim));
    const values = linear(normal, weight('self_attn.v_proj'));
    const mixed = attention(layer, queries, turn('self_attn.k_proj'), values);
    x = add(x, linear(mixed, weight('self_attn.o_proj')));

    const inner = rmsNorm(x, weight('post_attention_layernorm'), config.normEpsilon);
    const gate = silu(linear(inner, weight('mlp.gate_proj')));
    x = add(x, linear(mul(gate, linear(inner, weight('mlp.up_proj'))), weight('mlp.down_proj')));
  }
  return x;
}

/** Logits [tokens, vocabSize] of hidden states [tokens, hiddenSize]. */
export function llamaHead(config: LlamaConfig, parameters: Parameters, hidden: Value): Value {
  const normal = rmsNorm(hidden, parameters('model.norm.weight'), config.normEpsilon);
  return linear(normal, parameters(config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'));
}
