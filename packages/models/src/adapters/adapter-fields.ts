// The fields of adapter_config.json: all that PEFT 0.21's LoraConfig has. An unknown one that says something is refused:
// new ways to adapt come as new fields.

import { computed, type FieldTable, harmless, refused } from '../config/known-fields.ts';

const advice = 'Merge the adapter into its base with PEFT and give the merged model';

export const ADAPTER_FIELDS: FieldTable = {
  ...computed('r lora_alpha target_modules use_rslora peft_type init_lora_weights'),
  // Said by the family of the model.
  ...harmless('fan_in_fan_out'),
  ...harmless('auto_mapping peft_version base_model_name_or_path revision inference_mode'),
  // Settings of training.
  ...harmless('lora_dropout megatron_core qalora_group_size runtime_config eva_config'),
  ...refused('task_type', { fine: ['CAUSAL_LM'] }),
  ...refused('bias', { fine: ['none'], advice }),
  ...refused('exclude_modules', { advice: 'Name in target_modules what is adapted' }),
  ...refused(
    'modules_to_save layers_to_transform layers_pattern rank_pattern alpha_pattern trainable_token_indices use_dora ' +
      'lora_bias target_parameters',
    { advice },
  ),
  ...refused(`
    megatron_config loftq_config corda_config lora_ga_config velora_config alora_invocation_tokens use_qalora
    monteclora_config layer_replication use_bdlora arrow_config kasa_config ensure_weight_tying
  `),
};

/** Ways to begin an adapter that leave the base as it is: only what training made of A and B counts. */
export const PLAIN_STARTS: readonly unknown[] = [true, false, 'gaussian', 'orthogonal', 'eva'];
