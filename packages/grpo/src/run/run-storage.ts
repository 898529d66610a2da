// Where the files of a run lie: a folder of this machine, the storage of a browser, memory. Names are relative to the
// run, with slashes.

import type { FolderFiles, ModelFiles } from '@ludic/models';

/** The files of one run. To keep runs in another kind of place, implement this. */
export interface RunStorage {
  /** What people know the place by. */
  readonly place: string;
  /** Names of what stands whole in a folder of the run (`''`: in the run itself); none where there is no such folder. */
  names(folder: string): Promise<readonly string[]>;
  /** Undefined where there is no such file. */
  read(file: string): Promise<Uint8Array | undefined>;
  /** Writes a file as a whole: a reader sees the old one or the new. */
  write(file: string, text: string): Promise<void>;
  /** Adds text to the end of a file, which is made where there is none. */
  append(file: string, text: string): Promise<void>;
  /** Shortens a file to so many bytes. */
  cut(file: string, length: number): Promise<void>;
  /** Writes a folder as a whole, in place of what was there: a reader sees all files or none. */
  writeFolder(folder: string, files: FolderFiles): Promise<void>;
  removeFolder(folder: string): Promise<void>;
  /** @throws ModelError `not_a_model` where there is no such folder with a model or an adapter */
  open(folder: string, kind: 'model' | 'adapter'): Promise<ModelFiles>;
}
