// All fields that the configurations of transformers 5.24.0 and PEFT 0.21.2 have, sorted: tests/python-folders.test.ts looks
// whether newer ones have more.

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Of LoraConfig. */
export const PEFT_FIELDS = words(`
  alora_invocation_tokens alpha_pattern arrow_config auto_mapping base_model_name_or_path bias corda_config
  ensure_weight_tying eva_config exclude_modules fan_in_fan_out inference_mode init_lora_weights kasa_config
  layer_replication layers_pattern layers_to_transform loftq_config lora_alpha lora_bias lora_dropout
  lora_ga_config megatron_config megatron_core modules_to_save monteclora_config peft_type peft_version
  qalora_group_size r rank_pattern revision runtime_config target_modules target_parameters task_type
  trainable_token_indices use_bdlora use_dora use_qalora use_rslora velora_config
`);

/** Of GenerationConfig. */
export const GENERATION_CONFIG_FIELDS = words(`
  _from_model_config assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight
  assistant_lookbehind bad_words_ids begin_suppress_tokens bos_token_id cache_config cache_implementation
  compile_config constraints continuous_batching_config decoder_start_token_id disable_compile
  diversity_penalty do_sample dola_layers early_stopping encoder_no_repeat_ngram_size
  encoder_repetition_penalty eos_token_id epsilon_cutoff eta_cutoff exponential_decay_length_penalty
  force_words_ids forced_bos_token_id forced_eos_token_id guidance_scale is_assistant length_penalty
  low_memory max_cache_len max_length max_matching_ngram_size max_new_tokens max_time min_length
  min_new_tokens min_p no_repeat_ngram_size num_assistant_tokens num_assistant_tokens_schedule num_beam_groups
  num_beams num_return_sequences output_attentions output_hidden_states output_logits output_scores
  pad_token_id penalty_alpha prefill_chunk_size prompt_lookup_num_tokens remove_invalid_values
  renormalize_logits repetition_penalty return_dict_in_generate sequence_bias speculation_type stop_strings
  suppress_tokens target_lookbehind temperature token_healing top_h top_k top_p transformers_version typical_p
  use_cache use_mtp watermarking_config
`);

/** Of the configuration of each family. */
export const MODEL_CONFIG_FIELDS: Readonly<Record<string, readonly string[]>> = {
  llama: words(`
    _name_or_path architectures attention_bias attention_dropout bos_token_id chunk_size_feed_forward dtype
    eos_token_id head_dim hidden_act hidden_size id2label initializer_range intermediate_size is_encoder_decoder
    label2id max_position_embeddings mlp_bias model_type num_attention_heads num_hidden_layers
    num_key_value_heads output_attentions output_hidden_states pad_token_id pretraining_tp problem_type
    return_dict rms_norm_eps rope_parameters tie_word_embeddings transformers_version use_cache vocab_size
  `),
  qwen2: words(`
    _name_or_path architectures attention_dropout bos_token_id chunk_size_feed_forward dtype eos_token_id
    hidden_act hidden_size id2label initializer_range intermediate_size is_encoder_decoder label2id layer_types
    max_position_embeddings max_window_layers model_type num_attention_heads num_hidden_layers
    num_key_value_heads output_attentions output_hidden_states pad_token_id problem_type return_dict
    rms_norm_eps rope_parameters sliding_window tie_word_embeddings transformers_version use_cache
    use_sliding_window vocab_size
  `),
  qwen3: words(`
    _name_or_path architectures attention_bias attention_dropout bos_token_id chunk_size_feed_forward dtype
    eos_token_id head_dim hidden_act hidden_size id2label initializer_range intermediate_size is_encoder_decoder
    label2id layer_types max_position_embeddings max_window_layers model_type num_attention_heads
    num_hidden_layers num_key_value_heads output_attentions output_hidden_states pad_token_id problem_type
    return_dict rms_norm_eps rope_parameters sliding_window tie_word_embeddings transformers_version use_cache
    use_sliding_window vocab_size
  `),
  gemma3_text: words(`
    _name_or_path _sliding_window_pattern architectures attention_bias attention_dropout attn_logit_softcapping
    bos_token_id chunk_size_feed_forward dtype eos_token_id final_logit_softcapping head_dim hidden_activation
    hidden_size id2label initializer_range intermediate_size is_encoder_decoder label2id layer_types
    max_position_embeddings model_type num_attention_heads num_hidden_layers num_key_value_heads
    output_attentions output_hidden_states pad_token_id problem_type query_pre_attn_scalar return_dict
    rms_norm_eps rope_parameters sliding_window tie_word_embeddings transformers_version
    use_bidirectional_attention use_cache vocab_size
  `),
  gpt2: words(`
    _name_or_path activation_function add_cross_attention architectures attn_pdrop bos_token_id
    chunk_size_feed_forward dtype embd_pdrop eos_token_id id2label initializer_range is_encoder_decoder label2id
    layer_norm_epsilon model_type n_embd n_head n_inner n_layer n_positions output_attentions
    output_hidden_states pad_token_id problem_type reorder_and_upcast_attn resid_pdrop return_dict
    scale_attn_by_inverse_layer_idx scale_attn_weights summary_activation summary_first_dropout
    summary_proj_to_labels summary_type summary_use_proj tie_word_embeddings transformers_version use_cache
    vocab_size
  `),
};
