// A run as a worker holds it: the files of its models in a folder, its weights of now. Processes of this machine play and learn
// with them, as local workers do.

import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { environmentIds } from '@ludic/environments';
import { gameFiles, loadGameFile, ownGameFile } from '@ludic/environments/node';
import { checkSettings, DEFAULT_TRAINING, type TrainSettings } from '@ludic/grpo';
import { settingsFromJson } from '@ludic/grpo/internal';
import type { HostTensors, WorkerSetup } from '@ludic/grpo/internal-node';
import { pluginFiles } from '@ludic/grpo/node';
import { readSafetensors, toFloat32 } from '@ludic/models';
import { float32 } from '@ludic/runtime';
import type { ObjectStore } from '@nats-io/obj';
import { readBlob, readWhole } from './blobs.ts';
import { decodeMessage } from './codec.ts';
import { type ClusterSetup, type StoredFile, setupSchema } from './messages.ts';
import { MESSAGE_BYTES } from './names.ts';

/** Bytes of the weights of one version, as far as a worker takes them. */
const LARGEST_WEIGHTS = 64 * 1024 ** 3;

/** This worker cannot do the task, and another may. */
export class Unfit extends Error {}

export class HeldRun {
  readonly setup: ClusterSetup;
  readonly settings: TrainSettings;
  readonly #store: ObjectStore;
  readonly #code: NeededCode;
  readonly #folder: string;
  #files: Promise<WorkerSetup> | undefined;
  #weights: { readonly sha256: string; readonly tensors: Promise<HostTensors> } | undefined;

  /** @param folder of its own, made when it is needed @throws Unfit; GrpoError; BlobGone */
  static async open(store: ObjectStore, run: string, sha256: string, folder: string): Promise<HeldRun> {
    const setup = setupSchema.parse(decodeMessage(await readWhole(store, run, sha256, MESSAGE_BYTES)));
    const settings = settingsFromJson(setup.settings);
    const code = await neededCode(setup, settings);
    // Credit is given by the coordinator, which alone needs to know how.
    checkSettings({ ...settings, advantageEstimator: DEFAULT_TRAINING.advantageEstimator });
    return new HeldRun(store, setup, settings, code, folder);
  }

  private constructor(
    store: ObjectStore,
    setup: ClusterSetup,
    settings: TrainSettings,
    code: NeededCode,
    folder: string,
  ) {
    this.#store = store;
    this.#code = code;
    this.setup = setup;
    this.settings = settings;
    this.#folder = folder;
  }

  /** CPU threads of one process; undefined: all of the machine. */
  get threads(): number | undefined {
    return this.setup.runtime.threads;
  }

  /**
   * What a process of this machine opens.
   * @param run that has the files stored: runs that begin alike share what is held here @throws Unfit; BlobGone
   */
  open(run: string): Promise<WorkerSetup> {
    this.#files ??= this.#fetch(run);
    this.#files.catch(() => {
      this.#files = undefined;
    });
    return this.#files;
  }

  /** @throws BlobGone */
  weights(run: string, sha256: string): Promise<HostTensors> {
    if (this.#weights?.sha256 !== sha256) this.#weights = { sha256, tensors: this.#readWeights(run, sha256) };
    const { tensors } = this.#weights;
    tensors.catch(() => {
      this.#weights = undefined;
    });
    return tensors;
  }

  async forget(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #fetch(run: string): Promise<WorkerSetup> {
    const { model, reference, runtime, stepTimeoutSeconds } = this.setup;
    await this.#fetchFiles(run, model, 'model');
    if (reference) await this.#fetchFiles(run, reference, 'reference');
    return {
      model: join(this.#folder, 'model'),
      ...(reference && { reference: join(this.#folder, 'reference') }),
      ...this.#code,
      settings: this.settings,
      runtime,
      ...(stepTimeoutSeconds !== undefined && { stepTimeoutSeconds }),
    };
  }

  async #fetchFiles(run: string, files: readonly StoredFile[], name: string): Promise<void> {
    const folder = join(this.#folder, name);
    await mkdir(folder, { recursive: true });
    for (const { name: file, sha256, size } of files) {
      const path = join(folder, file);
      await pipeline(readBlob(this.#store, run, sha256, size), createWriteStream(`${path}.new`));
      await rename(`${path}.new`, path);
    }
  }

  async #readWeights(run: string, sha256: string): Promise<HostTensors> {
    const { tensors } = readSafetensors(await readWhole(this.#store, run, sha256, LARGEST_WEIGHTS));
    const entries = [...tensors].map(([name, stored]) => [name, float32(toFloat32(stored), stored.shape)] as const);
    return Object.fromEntries(entries);
  }
}

type NeededCode = Required<Pick<WorkerSetup, 'games' | 'plugins'>>;

/** Games and plugins in files are never sent: they are code. @throws Unfit where they were not named here, or are others */
async function neededCode({ game, plugins }: ClusterSetup, { environment: id }: TrainSettings): Promise<NeededCode> {
  const needed = plugins.map(({ kind, name, sha256 }) => {
    const file = pluginFiles().find((each) => each.sha256 === sha256);
    if (!file) throw new Unfit(`it does not have the ${kind} ${name} of the run; start it with --plugin and that file`);
    return { path: file.path, program: file.program };
  });
  const own = ownGameFile(id);
  if (own !== undefined) {
    const { path, program } = await loadGameFile(own, import.meta.url);
    return { games: [{ path, program }], plugins: needed };
  }
  if (!game) {
    if (environmentIds().includes(id)) return { games: [], plugins: needed };
    throw new Unfit(`it does not know the game ${id}`);
  }
  const file = gameFiles().find(({ ids }) => ids.includes(id));
  if (!file) throw new Unfit(`it does not know the game ${id}; start it with --env and the file of that game`);
  if (file.sha256 !== game.sha256) throw new Unfit(`its file of the game ${id} is not the one of the run`);
  return { games: [{ path: file.path, program: file.program }], plugins: needed };
}
