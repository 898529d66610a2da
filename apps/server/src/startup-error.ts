// What keeps the server from starting, each with a sentence that says what to do.

export type AccessErrorCode =
  | 'no_password'
  | 'bad_password'
  | 'bad_hash'
  | 'bad_password_file'
  | 'bad_proxy'
  | 'bad_origin'
  | 'insecure_address'
  | 'bad_certificate'
  | 'no_names'
  | 'bad_data_folder'
  | 'cannot_listen';

export class AccessError extends Error {
  readonly code: AccessErrorCode;
  constructor(code: AccessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AccessError';
    this.code = code;
  }
}
