// The fields of generation_config.json. Which tokens end a reply is read; how replies are sampled is a setting of the
// sampler, so those fields are harmless.

import { type FieldTable, harmless, told } from './known-fields.ts';

export const GENERATION_FIELDS: FieldTable = {
  eos_token_id: 'computed',
  ...harmless(`
    _from_model_config assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight
    assistant_lookbehind bos_token_id cache_config cache_implementation compile_config continuous_batching_config
    decoder_start_token_id disable_compile diversity_penalty do_sample early_stopping encoder_no_repeat_ngram_size
    encoder_repetition_penalty epsilon_cutoff eta_cutoff is_assistant length_penalty low_memory max_cache_len
    max_length max_matching_ngram_size max_new_tokens max_time min_length min_new_tokens min_p no_repeat_ngram_size
    num_assistant_tokens num_assistant_tokens_schedule num_beam_groups num_beams num_return_sequences
    output_attentions output_hidden_states output_logits output_scores pad_token_id penalty_alpha prefill_chunk_size
    prompt_lookup_num_tokens remove_invalid_values renormalize_logits repetition_penalty return_dict_in_generate
    speculation_type target_lookbehind temperature top_h top_k top_p transformers_version trust_remote_code typical_p
    use_cache use_model_defaults use_mtp
  `),
  // These forbid, force or favour tokens, or end a reply in ways that are not followed here.
  ...told(`
    bad_words_ids begin_suppress_tokens constraints dola_layers exponential_decay_length_penalty force_words_ids
    forced_bos_token_id forced_decoder_ids forced_eos_token_id guidance_scale sequence_bias stop_strings
    suppress_tokens token_healing watermarking_config
  `),
};
