// What all views share: the engine, this page's devices, and the models that are known here.

import type { EnvironmentSpec } from '@ludic/rollouts';
import type { CarriedGame } from '@ludic/rollouts/internal';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Engine } from './engine/client.ts';
import type { LibraryStorage } from './engine/models/library.ts';
import type { Answers } from './engine/protocol.ts';

/** A model that another view wants to see evaluated, perhaps in a certain game. */
export interface Opened {
  readonly model: string;
  readonly game: EnvironmentSpec | undefined;
  /** What the visitor should know of it. */
  readonly note?: string | undefined;
}

/** What every view may use. */
export interface AppContext {
  readonly engine: Engine;
  /** Undefined until they are known. */
  readonly devices: Answers['devices'] | undefined;
  /** Models that can be played, by name, nano first. */
  readonly playable: readonly string[];
  /** Those of them that can be trained as well. */
  readonly models: readonly string[];
  /** All models that can be played, and what they take of the browser's storage. */
  readonly storage: LibraryStorage;
  /** Asks the engine again which models there are, after one came or went. */
  readonly refreshModels: () => Promise<void>;
  /** The game that a model was trained in, where it carries one that this page knows. */
  readonly gameOf: (model: string) => Promise<CarriedGame | undefined>;
  /** What was opened last. */
  readonly opened: Opened | undefined;
  /** Shows the view that evaluates, with a model that the engine knows chosen there. */
  readonly openModel: (opened: Opened) => void;
}

const Context = createContext<AppContext | undefined>(undefined);
/** Gives the context to all views; `App` is its one user. */
export const AppContextProvider = Context.Provider;

/** @throws Error outside of the page's frame */
export function useAppContext(): AppContext {
  const context = useContext(Context);
  if (!context) throw new Error('a view outside of the page');
  return context;
}
