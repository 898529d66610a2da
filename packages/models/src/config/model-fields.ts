// The fields of config.json that several families share; each family's file adds its own. Sources: the configuration
// classes of Hugging Face transformers 4 and 5, and the published files of each family.

import { computed, type FieldTable, harmless, refused, told } from './known-fields.ts';

/** What any config may say. */
export const COMMON_FIELDS: FieldTable = {
  ...computed('model_type vocab_size tie_word_embeddings bos_token_id eos_token_id pad_token_id'),
  // How the weights are stored, which they say themselves, and by what they were written and run.
  ...harmless(`
    torch_dtype dtype architectures transformers_version _name_or_path _attn_implementation
    _attn_implementation_autoset _from_model_config use_cache use_bfloat16 torchscript return_dict output_attentions
    output_hidden_states unsloth_fixed unsloth_version
  `),
  // Settings of training (dropout has none here), how products are split over devices, other tasks, the tokenizer, and
  // hints for transformers.js about its own files.
  ...harmless(`
    initializer_range attention_dropout pretraining_tp chunk_size_feed_forward is_decoder id2label label2id num_labels
    _num_labels problem_type finetuning_task tokenizer_class prefix sep_token_id decoder_start_token_id
    task_specific_params transformers.js_config
  `),
  // Code of its own that others run for it.
  ...told('auto_map'),
  ...refused('is_encoder_decoder add_cross_attention cross_attention_hidden_size tie_encoder_decoder pruned_heads'),
  ...refused('quantization_config quantization', { advice: 'Give the model as it was before it was quantized' }),
  ...refused('compression_config', { advice: 'Give the model as it was before it was compressed' }),
  ...refused('vision_config audio_config', { advice: 'Give the language model alone' }),
  // Other families' ways to scale, cap, mix and turn.
  ...refused(
    'num_local_experts logit_scale logits_scaling residual_multiplier embedding_multiplier scale_emb ' +
      'partial_rotary_factor rotary_pct',
    { fine: [1] },
  ),
  ...refused(`
    num_experts num_experts_per_tok n_routed_experts attention_multiplier scale_depth dim_model_base
    attn_logit_softcapping final_logit_softcapping rope_interleaved no_rope_layers no_rope_layer_interval alibi clip_qkv
    use_qk_norm qk_layernorm parallel_attn use_parallel_residual use_mla
  `),
};

/** Decoders that turn queries and keys by position. */
export const ROTARY_FIELDS: FieldTable = {
  ...COMMON_FIELDS,
  ...computed(`
    hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim
    max_position_embeddings rms_norm_eps rope_theta rope_scaling rope_parameters layer_types
  `),
  ...refused('attention_bias mlp_bias', { fine: [false] }),
  ...refused('hidden_act', { fine: ['silu'], notFine: [false] }),
  ...refused('sliding_window use_sliding_window'),
};

/** What a rope_scaling, or the rope_parameters of a kind of layers, may say. What else it says would turn otherwise. */
export const ROPE_FIELDS: FieldTable = {
  ...computed('rope_type type rope_theta factor low_freq_factor high_freq_factor original_max_position_embeddings'),
  ...refused('partial_rotary_factor', { fine: [1] }),
};
