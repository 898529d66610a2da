// What can be wrong with the files of a model.

import { LudicError } from '@ludic/io';

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

export class ModelError extends LudicError<ModelErrorCode> {
  override readonly name = 'ModelError';
}
