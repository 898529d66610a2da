// The files of a model, wherever they are: a folder, a download, a browser's storage. JSON is read here, guarded.

import type { ByteStream } from '@ludic/graph';
import { ModelError } from '../errors.ts';
import type { FoundTensor } from './found-tensor.ts';
import { isLfsPointer, LFS_ADVICE } from './refusals.ts';

/** Where the files of a model come from: a folder, a download, a browser's storage. */
export interface ModelFiles {
  /** What people know it by. */
  readonly name: string;
  /** The file's bytes, undefined where there is none. */
  read(file: string): Promise<Uint8Array | undefined>;
  /** The file to be read in parts, where that is possible: then large files need not be in memory as a whole. */
  open?(file: string): Promise<OpenFile | undefined>;
  /** The names of its files, where they can be told. */
  list?(): Promise<readonly string[]>;
  /**
   * Its weights by their names in the family's own files, where they are in no file of those that are read here: the source
   * itself knows them. Adds to `opened` what they are still to be read from.
   */
  tensors?(opened: OpenFile[]): Promise<ReadonlyMap<string, FoundTensor>>;
}

/** A file that can be read in parts. Close it after use. */
export interface OpenFile {
  /** In bytes. */
  readonly size: number;
  /** Fills `into` with the bytes from `at`. @throws ModelError where there are not so many */
  read(at: number, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What is written to a file: its content, or parts of it in order. A stream is made while it is written. */
export type FileContent = Uint8Array | string | ByteStream;

/** The game that a model was trained in; other libraries ignore it. */
export const CARRIED_GAME_FILE = 'ludic.json';

/** Files of a few hundred bytes or some kilobytes. */
const SMALL: ReadonlySet<string> = new Set([
  'config.json',
  'generation_config.json',
  'adapter_config.json',
  CARRIED_GAME_FILE,
]);
const MOST_BYTES = 2 ** 20;
const DEEPEST = 100;

function nesting(json: Uint8Array): string | undefined {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (inText) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > DEEPEST) return `is nested deeper than ${DEEPEST} levels`;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return undefined;
}

export async function readJson(files: ModelFiles, name: string): Promise<unknown> {
  const bytes = await files.read(name);
  if (!bytes) return undefined;
  // A hostile file would keep the machine busy, or be more than its stack holds, before anything of it is refused.
  const monster = SMALL.has(name) && bytes.length > MOST_BYTES ? 'is larger than 1 MiB' : nesting(bytes);
  if (monster) throw new ModelError('not_a_model', `${name} of ${files.name} ${monster}, which no model's is.`);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    const why = isLfsPointer(bytes) ? LFS_ADVICE : 'it is no JSON';
    throw new ModelError('not_a_model', `${name} of ${files.name} is damaged: ${why}.`, { cause: error });
  }
}
