// The engine's models and devices. Files are known by name and stored; a model is put on a device when it is first played
// there, and gone when the device is.

import { type LanguageModel, openLanguageModel } from '@ludic/inference';
import { type ModelFiles, readWarnings } from '@ludic/models';
import { blobModelFiles, fetchModelFiles, pickedModel } from '@ludic/models/web';
import { RuntimeError } from '@ludic/runtime';
import { createRuntime, reportDevices, shareOnCpu, type WebRuntime } from '@ludic/runtime/web';
import type { Report } from '../work.ts';
import { yieldingRuntime } from '../yield-to-event-loop.ts';
import { NANO_URLS, WASM_PATHS } from './assets.ts';
import { ModelCache } from './cache.ts';
import type { DeviceChoice, LibraryStorage, ModelCard, PickedModel } from './library.ts';
import { Residents } from './residents.ts';
import { openTransformersModel, type TransformersModel } from './transformers-model.ts';

type ComputeDevice = 'cpu' | 'webgpu';

/** Of nano's files, in bytes. */
const NANO_SIZE = 2_900_000;
/** Names of models that a page knows are few; those on devices are large. */
const RESIDENT = 4;
const TRIES = 3;

/** The files of a model, or how they are made when they are first needed. */
export type ModelBlobs = ReadonlyMap<string, Blob> | LazyBlobs;

/** Files that are costly to make, such as an adapter merged into its model. */
interface LazyBlobs {
  /** About as large as they will be. */
  readonly bytes: number;
  readonly make: () => Promise<ReadonlyMap<string, Blob>>;
}

/**
 * All models of the page by name: their files, their cards, and those that are on a device now. At most `RESIDENT` of
 * them are.
 */
export class ModelRegistry {
  readonly #sources = new Map<string, (report: Report, signal: AbortSignal) => ModelFiles>();
  readonly #cards = new Map<string, ModelCard>();
  /** Files that are in this page, and not only in its storage. */
  readonly #blobs = new Map<string, ModelBlobs>();
  readonly #cache = new ModelCache();
  /** When what was stored is known. */
  readonly ready: Promise<void>;
  readonly #runtimes = new Map<ComputeDevice, Promise<WebRuntime>>();
  readonly #languageModels = new Residents<LanguageModel>(RESIDENT, ({ parameters }) => parameters.dispose());
  /** One at a time: they are large. */
  readonly #transformersModels = new Residents<TransformersModel>(1, (model) => model.dispose());

  constructor() {
    this.#sources.set('nano', (report, signal) =>
      fetchModelFiles(NANO_URLS, {
        name: 'nano',
        signal,
        onProgress: (progress) => report({ stage: 'loading', ...progress }),
      }),
    );
    this.#cards.set('nano', { name: 'nano', from: 'page', size: NANO_SIZE, stored: false });
    this.ready = this.#cache.list().then(
      (cards) => {
        for (const card of cards) {
          this.#cards.set(card.name, { ...card, stored: true });
          this.#sources.set(card.name, () => this.#cache.files(card.name));
        }
      },
      () => {},
    );
  }

  /** Makes files known by a name. What was known by it before is forgotten. */
  add(name: string, from: ModelCard['from'], blobs: ModelBlobs, more: Pick<ModelCard, 'dtype'> = {}) {
    this.#dropFromDevices(name);
    const size = isLazy(blobs) ? blobs.bytes : [...blobs.values()].reduce((sum, blob) => sum + blob.size, 0);
    const card: ModelCard = { name, from, size, stored: false, ...more };
    this.#cards.set(name, card);
    this.#blobs.set(name, blobs);
    this.#sources.set(name, () => filesOf(name, blobs));
    return card;
  }

  /** Makes files playable that stand on no list. */
  addUnlisted(name: string, blobs: ReadonlyMap<string, Blob>): string {
    this.#dropFromDevices(name);
    this.#sources.set(name, () => filesOf(name, blobs));
    return name;
  }

  has(name: string): boolean {
    return this.#sources.has(name);
  }

  /** @throws ModelError `not_a_model` */
  async pick(files: readonly File[]): Promise<PickedModel> {
    const { name, blobs } = pickedModel(files);
    // nano, what is stored and what was trained stay what they are.
    const isFixed = (one: string) => {
      const card = this.#cards.get(one);
      return card?.stored || card?.from === 'page' || card?.from === 'training';
    };
    let free = name;
    for (let i = 2; isFixed(free); i++) free = `${name} ${i}`;
    const card = this.add(free, 'disk', blobs);
    // What is wrong with it is told when it is opened.
    return { ...card, warnings: await readWarnings(filesOf(free, blobs)).catch(() => []) };
  }

  async storage(): Promise<LibraryStorage> {
    // Unknown where the page gets no storage.
    const { usage, quota } = (await globalThis.navigator.storage?.estimate().catch(() => undefined)) ?? {};
    return { cards: [...this.#cards.values()], used: usage, quota };
  }

  /** @throws StorageError */
  async keep(name: string): Promise<ModelCard> {
    const [card, blobs] = [this.#cards.get(name), this.#blobs.get(name)];
    if (!card || !blobs) throw new Error(`The model ${name} is no longer here: load it again.`);
    const { stored: _, ...rest } = card;
    await this.#cache.keep(rest, await madeBlobs(blobs));
    const known = { ...card, stored: true };
    this.#cards.set(name, known);
    // From now on read where it is stored: what was downloaded need not be in memory.
    this.#blobs.delete(name);
    this.#sources.set(name, () => this.#cache.files(name));
    return known;
  }

  /** Removes a model, or all that came from elsewhere. */
  async remove(name?: string): Promise<LibraryStorage> {
    const isOwn = (one: string) => ['page', 'training'].includes(this.#cards.get(one)?.from ?? '');
    const names = name === undefined ? [...this.#cards.keys()].filter((one) => !isOwn(one)) : [name];
    for (const one of names) {
      if (this.#cards.get(one)?.from === 'page') continue;
      await this.#cache.remove(one);
      this.forget(one);
    }
    if (name === undefined) await this.#cache.clear();
    return this.storage();
  }

  /** Forgets a model whose files are gone. */
  forget(name: string): void {
    this.#dropFromDevices(name);
    this.#cards.delete(name);
    this.#sources.delete(name);
    this.#blobs.delete(name);
  }

  /** Whether transformers.js runs it: see `withTransformersModel`. */
  isTransformersModel(name: string): boolean {
    return this.#cards.get(name)?.dtype !== undefined;
  }

  /** Lends a model that transformers.js runs. */
  async withTransformersModel<T>(
    name: string,
    choice: DeviceChoice,
    report: Report,
    play: (model: TransformersModel) => Promise<T>,
  ): Promise<T> {
    const device = choice === 'auto' ? await bestDevice() : choice;
    return this.#transformersModels.lend(device, name, () => this.#openTransformersModel(name, device, report), play);
  }

  async #openTransformersModel(name: string, device: ComputeDevice, report: Report): Promise<TransformersModel> {
    report({ stage: 'starting', device });
    const files = this.files(name, report, new AbortController().signal);
    const build = device === 'cpu' ? await shareOnCpu(WASM_PATHS.webgpu) : (await this.runtime(device, report)).shared!;
    return openTransformersModel(name, files, this.#cards.get(name)!.dtype!, device, build);
  }

  /** @throws Error where nothing is known by that name */
  files(name: string, report: Report, signal: AbortSignal): ModelFiles {
    const source = this.#sources.get(name);
    if (!source) throw new Error(`The model ${name} is not here: load, pick or train it again.`);
    return source(report, signal);
  }

  async runtime(choice: DeviceChoice, report: Report): Promise<WebRuntime> {
    const device = choice === 'auto' ? await bestDevice() : choice;
    const known = this.#runtimes.get(device);
    if (known) return known;
    report({ stage: 'starting', device });
    const runtime = createRuntime({ device, wasmPaths: WASM_PATHS }).then(yieldingRuntime);
    this.#runtimes.set(device, runtime);
    runtime.catch(() => this.#runtimes.delete(device));
    return runtime;
  }

  /** Lends a model on a device, to be played and not to be changed. */
  async withModel<T>(
    name: string,
    choice: DeviceChoice,
    report: Report,
    signal: AbortSignal,
    play: (model: LanguageModel) => Promise<T>,
  ): Promise<T> {
    const runtime = await this.runtime(choice, report);
    return this.#languageModels.lend(runtime.device, name, () => this.#open(name, runtime, report, signal), play);
  }

  async #open(name: string, runtime: WebRuntime, report: Report, signal: AbortSignal): Promise<LanguageModel> {
    for (let tries = 1; ; tries++)
      try {
        return await openLanguageModel(this.files(name, report, signal), runtime);
      } catch (error) {
        // A training that goes on removes old checkpoints, also while they are read: there are newer ones.
        const { cause } = error as Error;
        const isGone = cause instanceof DOMException && this.#cards.get(name)?.from === 'training';
        if (!isGone || tries === TRIES) throw error;
      }
  }

  /** Forgets a device that is lost, and what was on it. */
  forgetLostDevice(error: unknown): void {
    if (!(error instanceof RuntimeError) || error.code !== 'device_lost') return;
    this.#runtimes.delete('webgpu');
    this.#languageModels.forget('webgpu');
    this.#transformersModels.forget('webgpu');
  }

  #dropFromDevices(name: string): void {
    this.#languageModels.drop(name);
    this.#transformersModels.drop(name);
  }
}

const isLazy = (blobs: ModelBlobs): blobs is LazyBlobs => 'make' in blobs;

/** The files themselves. */
export const madeBlobs = async (blobs: ModelBlobs): Promise<ReadonlyMap<string, Blob>> =>
  isLazy(blobs) ? blobs.make() : blobs;

/** Blobs as the files of a model; lazy ones are made at the first read. */
const filesOf = (name: string, blobs: ModelBlobs): ModelFiles =>
  blobModelFiles(name, async (file) => (await madeBlobs(blobs)).get(file));

/** Chosen as the runtime chooses, so that a model is on one device once. */
async function bestDevice(): Promise<ComputeDevice> {
  const reports = await reportDevices();
  return reports.some((report) => report.device === 'webgpu' && report.present && !report.software) ? 'webgpu' : 'cpu';
}
