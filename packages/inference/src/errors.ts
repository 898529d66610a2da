// What can go wrong when a model or another policy is asked for a reply: one class for all.

import { LudicError } from '@ludic/io';

/**
 * Why no reply came, or no probabilities of one.
 * - prompt_too_long: a prompt and a reply do not fit the context of the model
 * - not_finite: the network's logits overflowed
 * - bad_setting: a sampling parameter is out of range, or the policy cannot honour it
 * - missing_library: transformers.js is not installed
 */
export type PolicyErrorCode =
  | 'prompt_too_long'
  | 'not_finite'
  /** A token outside the model's vocabulary. */
  | 'bad_token'
  | 'bad_setting'
  /** A model that cannot be loaded, or the library that would load it. */
  | 'bad_model'
  | 'missing_library'
  | EndpointErrorCode;

/** What can go wrong with an endpoint of chat completions. */
export type EndpointErrorCode =
  /** It wants a key, another key, or a paid account. */
  | 'unauthorized'
  | 'unknown_model'
  /** It rejects the request: a setting, or the length of a prompt. */
  | 'bad_request'
  | 'unreachable'
  | 'timed_out'
  | 'rate_limited'
  | 'server_failed'
  /** An answer that is no chat completion. */
  | 'bad_answer';

/** A failure of a model or of another policy. The message is a sentence that says what to do next. */
export class PolicyError extends LudicError<PolicyErrorCode> {
  override readonly name = 'PolicyError';
}
