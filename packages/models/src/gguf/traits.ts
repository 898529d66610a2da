// What a family says of itself to be read from GGUF and written to it.

import type { Json, ModelConfig } from '../config/model-config.ts';
import type { GgufMetadata } from './metadata.ts';

/** How numbers of a tensor lie in GGUF where they lie otherwise in the family's own files. */
export type GgufLayout =
  /** The rows of each head of queries or keys: the two halves that turn together, one row of each in turn. */
  | 'paired_rows'
  /** Weights of a norm, which the family counts from 1. */
  | 'from_zero';

/** Fields of the metadata with their types there; what is undefined is not written. */
export type GgufFields = Readonly<
  Record<
    string,
    | string
    | boolean
    | { readonly u32: number }
    | { readonly f32: number }
    | { readonly texts: readonly string[] }
    | { readonly i32s: readonly number[] }
    | { readonly f32s: readonly number[] }
    | undefined
  >
>;

export interface GgufTraits {
  /** `general.architecture` */
  readonly architecture: string;
  /** The fields of the config.json that the metadata amount to, but for those that all families share. */
  readonly readConfig: (metadata: GgufMetadata) => Json;
  /** The metadata of a model, but for those that all families share. */
  readonly writeConfig: (config: ModelConfig) => GgufFields;
  /** The table of learned positions. */
  readonly positions?: string;
  /** GGUF's names by those of the family's files, both without `.weight` and `.bias`; `{}` is the number of a layer. */
  readonly names: Readonly<Record<string, string>>;
  readonly layoutOf?: (name: string) => GgufLayout | undefined;
}
