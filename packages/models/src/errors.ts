// What can be wrong with the files of a model.

export type ModelErrorCode =
  | 'not_a_model'
  | 'unknown_family'
  | 'bad_config'
  | 'bad_safetensors'
  | 'bad_torch_file'
  | 'bad_tensors'
  | 'bad_tokenizer'
  | 'bad_template'
  | 'bad_adapter'
  | 'not_fetched'
  | 'not_allowed'
  | 'write_failed';

export class ModelError extends Error {
  readonly code: ModelErrorCode;
  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelError';
    this.code = code;
  }
}
