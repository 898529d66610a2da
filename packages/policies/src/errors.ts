// What can go wrong when a policy answers.

export type PolicyErrorCode = 'prompt_too_long' | 'not_finite' | 'bad_setting';

export class PolicyError extends Error {
  readonly code: PolicyErrorCode;
  constructor(code: PolicyErrorCode, message: string) {
    super(message);
    this.name = 'PolicyError';
    this.code = code;
  }
}
