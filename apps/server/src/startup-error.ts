// What keeps the server from starting, each with a sentence that says what to do.

import { LudicError } from '@ludic/io';

type StartupErrorCode =
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
  | 'bad_game'
  | 'cannot_listen';

export class StartupError extends LudicError<StartupErrorCode> {
  override readonly name = 'StartupError';
}
