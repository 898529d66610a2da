// What can go wrong when a policy answers.

export type PolicyErrorCode =
  | 'prompt_too_long'
  | 'not_finite'
  /** A token that the model does not have. */
  | 'bad_token'
  | 'bad_setting'
  /** A model that cannot be loaded, or the library that would load it. */
  | 'bad_model'
  | 'missing_library'
  | EndpointErrorCode;

/** What can go wrong between here and an endpoint. */
export type EndpointErrorCode =
  /** It wants a key, another key, or a paid account. */
  | 'unauthorized'
  | 'unknown_model'
  /** It turns down what was asked for: a setting, or the length of a prompt. */
  | 'bad_request'
  | 'unreachable'
  | 'timed_out'
  | 'rate_limited'
  | 'server_failed'
  /** An answer that is no chat completion. */
  | 'bad_answer';

export class PolicyError extends Error {
  readonly code: PolicyErrorCode;
  constructor(code: PolicyErrorCode, message: string) {
    super(message);
    this.name = 'PolicyError';
    this.code = code;
  }
}
