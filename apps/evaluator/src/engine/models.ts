// The engine's models and devices. Files are known by name and kept; a model is put on a device when it is first played
// there, and gone when the device is.

import type { ModelFiles } from '@ludic/models';
import { fetchModelFiles, pickedModelFiles } from '@ludic/models/web';
import { type LanguageModel, openLanguageModel } from '@ludic/policies';
import { RuntimeError } from '@ludic/runtime';
import { createRuntime, reportDevices, type WebRuntime } from '@ludic/runtime/web';
import { NANO_URLS, WASM_PATHS } from './assets.ts';
import { breathingRuntime } from './breathing.ts';
import type { DeviceChoice, Progress } from './protocol.ts';

type Device = 'cpu' | 'webgpu';
export type Report = (progress: Progress) => void;

/** Names of models that a page knows are few; those on devices are large. */
const RESIDENT = 4;

interface Resident {
  readonly model: Promise<LanguageModel>;
  /** Who plays it now. */
  users: number;
  /** To be freed when nobody plays it. */
  dropped: boolean;
}

export class Models {
  readonly #sources = new Map<string, (report: Report, signal: AbortSignal) => ModelFiles>();
  readonly #runtimes = new Map<Device, Promise<WebRuntime>>();
  /** By device and name, the latest last. */
  readonly #resident = new Map<string, Resident>();

  constructor() {
    this.#sources.set('nano', (report, signal) =>
      fetchModelFiles(NANO_URLS, {
        name: 'nano',
        signal,
        onProgress: (progress) => report({ stage: 'loading', ...progress }),
      }),
    );
  }

  /** Makes files known by their own name. What was known by it before is forgotten. */
  add(files: ModelFiles): string {
    for (const key of [...this.#resident.keys()]) if (key.endsWith(` ${files.name}`)) this.#drop(key);
    this.#sources.set(files.name, () => files);
    return files.name;
  }

  has(name: string): boolean {
    return this.#sources.has(name);
  }

  /** @throws ModelError `not_a_model` */
  pick(files: readonly File[]): string {
    const picked = pickedModelFiles(files);
    return this.add(picked.name === 'nano' ? { ...picked, name: 'nano from disk' } : picked);
  }

  /** @throws Error where nothing is known by that name */
  files(name: string, report: Report, signal: AbortSignal): ModelFiles {
    const source = this.#sources.get(name);
    if (!source) throw new Error(`The model ${name} is no longer here: pick or train it again.`);
    return source(report, signal);
  }

  async runtime(choice: DeviceChoice, report: Report): Promise<WebRuntime> {
    const device = choice === 'auto' ? await bestDevice() : choice;
    const known = this.#runtimes.get(device);
    if (known) return known;
    report({ stage: 'starting', device });
    const runtime = createRuntime({ device, wasmPaths: WASM_PATHS }).then(breathingRuntime);
    this.#runtimes.set(device, runtime);
    runtime.catch(() => this.#runtimes.delete(device));
    return runtime;
  }

  /** Lends a model on a device, to be played and not to be changed. */
  async lend<T>(
    name: string,
    choice: DeviceChoice,
    report: Report,
    signal: AbortSignal,
    play: (model: LanguageModel) => Promise<T>,
  ): Promise<T> {
    const runtime = await this.runtime(choice, report);
    const key = `${runtime.device} ${name}`;
    const resident = this.#resident.get(key) ?? {
      model: openLanguageModel(this.files(name, report, signal), runtime),
      users: 0,
      dropped: false,
    };
    // Last in order of use.
    this.#resident.delete(key);
    this.#resident.set(key, resident);
    const [oldest] = this.#resident.keys();
    if (this.#resident.size > RESIDENT) this.#drop(oldest!);
    resident.users++;
    try {
      const model = await resident.model.catch((error: unknown) => {
        if (this.#resident.get(key) === resident) this.#resident.delete(key);
        throw error;
      });
      return await play(model);
    } finally {
      resident.users--;
      free(resident);
    }
  }

  /** Forgets a device that is lost, and what was on it. */
  forget(error: unknown): void {
    if (!(error instanceof RuntimeError) || error.code !== 'device_lost') return;
    this.#runtimes.delete('webgpu');
    for (const key of [...this.#resident.keys()]) if (key.startsWith('webgpu ')) this.#resident.delete(key);
  }

  #drop(key: string): void {
    const resident = this.#resident.get(key)!;
    this.#resident.delete(key);
    resident.dropped = true;
    free(resident);
  }
}

function free({ model, users, dropped }: Resident): void {
  if (!dropped || users > 0) return;
  model.then(
    ({ parameters }) => parameters.dispose(),
    // What was never there.
    () => {},
  );
}

/** Chosen as the runtime chooses, so that a model is on one device once. */
async function bestDevice(): Promise<Device> {
  const reports = await reportDevices();
  return reports.some((report) => report.device === 'webgpu' && report.present && !report.software) ? 'webgpu' : 'cpu';
}
