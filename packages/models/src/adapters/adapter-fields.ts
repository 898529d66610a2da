// The fields of adapter_config.json: all that PEFT 0.21's LoraConfig has. An unknown one that says something is refused:
// new ways to adapt come as new fields.

import type { FieldTable } from '../config/known-fields.ts';

const AS_PLAIN_LORA = 'Merge the adapter into its base with PEFT and give the merged model';

export const ADAPTER_FIELDS: FieldTable = {
  r: 'computed',
  lora_alpha: 'computed',
  target_modules: 'computed',
  use_rslora: 'computed',
  peft_type: 'computed',
  init_lora_weights: 'computed',
  // Said by the family of the model.
  fan_in_fan_out: 'harmless',
  task_type: { fine: ['CAUSAL_LM'] },
  auto_mapping: 'harmless',
  peft_version: 'harmless',
  base_model_name_or_path: 'harmless',
  revision: 'harmless',
  inference_mode: 'harmless',
  // Settings of training.
  lora_dropout: 'harmless',
  megatron_core: 'harmless',
  qalora_group_size: 'harmless',
  runtime_config: 'harmless',
  bias: { fine: ['none'], advice: AS_PLAIN_LORA },
  exclude_modules: { advice: 'Name in target_modules what is adapted' },
  modules_to_save: { advice: AS_PLAIN_LORA },
  layers_to_transform: { advice: AS_PLAIN_LORA },
  layers_pattern: { advice: AS_PLAIN_LORA },
  rank_pattern: { advice: AS_PLAIN_LORA },
  alpha_pattern: { advice: AS_PLAIN_LORA },
  megatron_config: {},
  trainable_token_indices: { advice: AS_PLAIN_LORA },
  loftq_config: {},
  eva_config: 'harmless',
  corda_config: {},
  lora_ga_config: {},
  use_dora: { advice: AS_PLAIN_LORA },
  velora_config: {},
  alora_invocation_tokens: {},
  use_qalora: {},
  monteclora_config: {},
  layer_replication: {},
  lora_bias: { advice: AS_PLAIN_LORA },
  target_parameters: { advice: AS_PLAIN_LORA },
  use_bdlora: {},
  arrow_config: {},
  kasa_config: {},
  ensure_weight_tying: {},
};

/** Ways to begin an adapter that leave the base as it is: only what training made of A and B counts. */
export const PLAIN_STARTS: readonly unknown[] = [true, false, 'gaussian', 'orthogonal', 'eva'];
