// What the page and its engine say about models: where they come from, how large they are, which are stored.

import type { TransformersDtype } from '@ludic/policies/transformers';
import type { Account } from '../../jobs/account.ts';

/** `auto` is WebGPU where a hardware adapter is present, and the CPU otherwise. */
export type DeviceChoice = 'auto' | 'cpu' | 'webgpu';

/** A model that can be played. */
export interface ModelCard {
  /** Its name in every view; for servers and the Hub it says where it is. */
  readonly name: string;
  readonly from: 'page' | 'disk' | 'training' | 'server' | 'hub';
  /** In bytes, of all its files. */
  readonly size: number;
  /** Whether it will be here when the page is opened again. */
  readonly stored: boolean;
  /** Set where transformers.js runs it, which cannot train it. */
  readonly dtype?: TransformersDtype;
}

/** A model from disk. */
export interface PickedModel extends ModelCard {
  /** What its files say that is not heeded here. */
  readonly warnings: readonly string[];
}

/** Where models are downloaded from. The page asks only addresses that the visitor has named. */
export type ModelSource =
  | ({ readonly from: 'server' } & Account)
  /** @property id of a model, such as `onnx-community/SmolLM2-135M-Instruct` */
  | { readonly from: 'hub'; readonly address: string; readonly id: string };

/** A model that a source has. */
export interface ModelListing {
  readonly name: string;
  readonly title: string;
  /** What else is known of it, for people. */
  readonly detail: string;
  readonly size: number;
  readonly files: readonly ListedFile[];
  readonly dtype?: TransformersDtype;
}

/** A file of a listed model, its address, and its size in bytes. */
export interface ListedFile {
  readonly file: string;
  readonly url: string;
  readonly size: number;
}

/** The library as the page shows it. */
export interface LibraryStorage {
  readonly cards: readonly ModelCard[];
  /** Bytes of this page's storage; undefined where the browser does not tell. */
  readonly used: number | undefined;
  readonly quota: number | undefined;
}

/** What the page asks of the library of models. */
export type LibraryRequest =
  /** All models that can be played here. */
  | { readonly type: 'models' }
  | { readonly type: 'browse'; readonly source: ModelSource }
  /** Downloads a model and keeps it in the browser's storage. It is refused before that where it cannot fit the device. */
  | {
      readonly type: 'load';
      readonly source: ModelSource;
      readonly listing: ModelListing;
      readonly device: DeviceChoice;
    }
  | { readonly type: 'keep'; readonly name: string }
  /** Removes a model from the storage and from the page; all of them without a name. nano stays. */
  | { readonly type: 'remove'; readonly name?: string };

/** The answer to each request, by its type. */
export interface LibraryAnswers {
  readonly models: LibraryStorage;
  readonly browse: readonly ModelListing[];
  /** @property error why it could not be stored; it is here until the page is closed */
  readonly load: { readonly card: ModelCard; readonly error?: string };
  readonly keep: ModelCard;
  readonly remove: LibraryStorage;
}
