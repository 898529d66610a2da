// What can be wrong with the files of a model.

import { LudicError } from '@ludic/io';

/** What is wrong, for programs; the message says it for people. */
export type ModelErrorCode =
  | 'not_a_model'
  | 'unknown_family'
  | 'bad_config'
  | 'bad_safetensors'
  | 'bad_gguf'
  | 'bad_torch_file'
  | 'bad_tensors'
  | 'bad_tokenizer'
  | 'bad_template'
  | 'bad_adapter'
  | 'not_fetched'
  | 'not_allowed'
  | 'write_failed';

/** A model, adapter, tokenizer or template that cannot be read or written. The message names the file and what to do. */
export class ModelError extends LudicError<ModelErrorCode> {
  override readonly name = 'ModelError';
}
