// The models of a server: folders below DATA/models, each a run or a plain model, and nano. A name is one plain word, and
// links are not followed out of a model's folder, so that no request reaches other files.

import { mkdirSync, renameSync } from 'node:fs';
import { lstat, mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunFolder } from '@ludic/grpo/node';
import { ggufNames } from '@ludic/models/internal';
import { NANO_FOLDER } from '@ludic/nano';
import { type Model, ServiceError } from '@ludic/service';
import { modelName } from '@ludic/service/internal';
import { asServiceError } from '../failure.ts';
import { cachedHubFiles, isHubReference, lookAtHub } from './hub-models.ts';
import { isOneWord, type ModelOrigin, type ModelPlaces, NANO, noSuchModel, shown } from './model-source.ts';

interface StoredModel extends ModelPlaces {
  readonly kind: Model['kind'];
}

/** Files of a checkpoint that only the trainer needs. */
const TRAINERS_OWN: ReadonlySet<string> = new Set(['optimizer.safetensors', 'state.json']);

export class ModelStore {
  readonly #root: string;
  /** Removed models until their files are deleted. No model can have this name. */
  readonly #bin: string;
  readonly #onRemoved: (name: string) => void;
  #emptying: Promise<void> = Promise.resolve();

  private constructor(root: string, onRemoved: (name: string) => void) {
    this.#root = root;
    this.#onRemoved = onRemoved;
    this.#bin = join(root, '.removed');
  }

  /** @param onRemoved called with the name of each model that was removed, when it can no longer be found */
  static async open(dataFolder: string, onRemoved: (name: string) => void = () => {}): Promise<ModelStore> {
    const root = join(dataFolder, 'models');
    await mkdir(root, { recursive: true });
    return new ModelStore(await realpath(root), onRemoved);
  }

  /** The place of a model of that name, whether there is one or not. @throws ServiceError `not_found` */
  folderOf(name: string): string {
    if (name === NANO || modelName(name) !== name) throw noSuchModel(name);
    return join(this.#root, name);
  }

  /**
   * What a client means by `model_path`. One word may be a slip as well as an old name of the Hub, so the Hub is asked.
   * @throws as {@link resolve}; ServiceError `unavailable` where the Hub cannot say; ModelError where its model of that
   *   name holds nothing that can be read
   */
  async lookUp(path: string): Promise<ModelOrigin> {
    const source = await this.#ofHubs(path, async () => {
      await lookAtHub(path).catch((error: unknown) => {
        throw ofHub(path, error);
      });
      return true;
    });
    return source ?? this.resolve(path);
  }

  /** The same for what is asked often: of the models of the Hub with one word, those that lie in the cache here. */
  async lookUpHere(path: string): Promise<ModelOrigin> {
    return (await this.#ofHubs(path, async () => (await cachedHubFiles(path)) !== undefined)) ?? this.resolve(path);
  }

  /** @param isThere asked for a name of one word that no model of the server has */
  async #ofHubs(path: string, isThere: () => Promise<boolean>): Promise<ModelOrigin | undefined> {
    if (!isOneWord(path) || path === NANO) return undefined;
    const folder = modelName(path) === path ? this.folderOf(path) : undefined;
    // What is here needs no look at how the Hub writes names.
    if ((folder && (await isFolder(folder))) || !(await isHubReference(path))) return undefined;
    if (!folder) throw noSuchModel(path);
    return (await isThere()) ? { from: 'hub', reference: path } : undefined;
  }

  /**
   * The same without a look at the Hub, for what was looked up before: a name of one word is that of a model of the server
   * and of no other, also when that is gone. A model of the server comes before one of the Hub with the same name.
   * @throws ServiceError `not_found`, `unusable`
   */
  async resolve(path: string): Promise<ModelOrigin> {
    const name = modelName(path);
    if (name !== undefined) {
      const model = await this.find(name);
      if (model) return { from: 'store', model };
      if (await isFolder(this.folderOf(name))) {
        const message = `${shown(name)} holds no model that could answer: it has no checkpoint yet, or its files are damaged.`;
        throw new ServiceError('unusable', `${message} GET /models/${name} shows what there is.`);
      }
    }
    if (!isOneWord(path) && (await isHubReference(path))) return { from: 'hub', reference: path };
    throw noSuchModel(path);
  }

  /**
   * A model's loadable folder; undefined where there is none of that name, or nothing that could answer yet.
   * @throws ServiceError `not_found` where no model can have that name
   */
  async find(name: string): Promise<StoredModel | undefined> {
    if (name === NANO) return nano();
    const folder = this.folderOf(name);
    // A checkpoint that is written again, or that a newer one replaces, is away for a moment.
    return (await this.#look(name, folder)) ?? this.#look(name, folder);
  }

  async #look(name: string, folder: string): Promise<StoredModel | undefined> {
    // A link could lead out of the data folder.
    if (!(await isFolder(folder))) return undefined;
    const stored = (await isFolder(join(folder, 'checkpoints')))
      ? await this.#findRun(name, folder)
      : (await holdsModel(folder))
        ? ({ name, kind: 'folder', folder } as const)
        : undefined;
    if (!stored) return undefined;
    const places = stored.adapter === undefined ? [stored.folder] : [stored.folder, stored.adapter];
    const inside = await Promise.all(places.map((place) => isWithin(folder, place)));
    return inside.every(Boolean) ? stored : undefined;
  }

  async #findRun(name: string, path: string): Promise<StoredModel | undefined> {
    const final = join(path, 'final');
    if (await isFile(join(final, 'config.json'))) return { name, kind: 'run', folder: final };
    // Without a readable config its checkpoints cannot be interpreted.
    const run = await openRun(path);
    const last = (await run?.checkpoints())?.at(-1);
    if (!run || last === undefined) return undefined;
    // A run that trains an adapter has its model in the first checkpoint alone.
    if (!run.config.settings.lora || last === 0) return { name, kind: 'run', folder: run.checkpointPath(last) };
    return { name, kind: 'run', folder: run.checkpointPath(0), adapter: run.checkpointPath(last) };
  }

  /** @throws ServiceError `not_found` */
  async describe(name: string): Promise<Model> {
    const whole = name === NANO ? nano().folder : this.folderOf(name);
    const present = await lstat(whole).catch(() => undefined);
    if (!present?.isDirectory()) throw noSuchModel(name);
    const stored = await this.find(name);
    const isFinal = stored?.folder === join(whole, 'final');
    const run = stored?.kind === 'folder' || name === NANO ? undefined : await openRun(whole);
    const files = stored ? await filesOf(stored) : [];
    const changed = (stored && (await lstat(stored.adapter ?? stored.folder).catch(() => undefined))) ?? present;
    const game: unknown = run?.config.settings.environment;
    return {
      name,
      kind: stored?.kind ?? 'run',
      status: !stored ? 'empty' : stored.kind === 'run' && !isFinal ? 'training' : 'ready',
      env_type: typeof game === 'string' ? game : null,
      size_bytes: files.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
      modified_at: changed.mtime.toISOString(),
      files,
    };
  }

  async list(): Promise<Model[]> {
    const entries = await readdir(this.#root, { withFileTypes: true });
    const names = entries
      .filter((entry) => entry.isDirectory() && entry.name !== NANO && modelName(entry.name) === entry.name)
      .map((entry) => entry.name);
    // One that is removed meanwhile, or cannot be looked at, does not hide the others.
    const models = await Promise.all([NANO, ...names.sort()].map((name) => this.describe(name).catch(() => undefined)));
    return models.filter((model) => model !== undefined);
  }

  /**
   * The path of a file that belongs to a model as it would be loaded.
   * @throws ServiceError `not_found`, also for whatever lies outside, links included
   */
  async file(name: string, path: string): Promise<string> {
    const stored = await this.find(name);
    if (!stored) throw noSuchModel(name);
    const missing = () => new ServiceError('not_found', `The model ${shown(name)} has no file ${shown(path)}.`);
    const segments = path.split('/');
    if (stored.adapter !== undefined || !segments.every((segment) => /^[\w-][\w.-]*$/.test(segment))) throw missing();
    const place = join(stored.folder, ...segments);
    const real = await realpath(place).catch(() => undefined);
    if (real === undefined || !(await isWithin(stored.folder, real)) || !(await isFile(real))) throw missing();
    return real;
  }

  /**
   * Removes a model. What remains of it after a crash is removed at the next call.
   * @throws ServiceError `forbidden`, `not_found`
   */
  async remove(name: string): Promise<void> {
    if (name === NANO) throw new ServiceError('forbidden', 'nano is part of Ludic and stays.');
    const folder = this.folderOf(name);
    // Under its name it is gone at once, before anything else happens in this process: a job that is submitted then finds
    // the name free, and the caller has checked for jobs that were submitted before.
    mkdirSync(this.#bin, { recursive: true });
    try {
      renameSync(folder, join(this.#bin, `${name}.${crypto.randomUUID()}`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw noSuchModel(name);
      throw error;
    }
    this.#onRemoved(name);
    this.#emptying = this.#emptying.catch(() => {}).then(() => this.#emptyBin());
    await this.#emptying;
  }

  async #emptyBin(): Promise<void> {
    for (const entry of await readdir(this.#bin)) await rm(join(this.#bin, entry), { recursive: true, force: true });
  }
}

const nano = (): StoredModel => ({ name: NANO, kind: 'embedded', folder: fileURLToPath(NANO_FOLDER) });

/** Why a name of one word is none of the Hub's. */
function ofHub(path: string, error: unknown): unknown {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  if (name !== 'HubError') return error;
  const here = noSuchModel(path).message;
  if (code === 'unauthorized' || code === 'repository_not_found')
    return new ServiceError('not_found', `${here} The Hugging Face Hub has none of that name either.`, {
      cause: error,
    });
  const known = asServiceError(error, '');
  if (known.code !== 'unavailable') return error;
  const message = `${here} The Hugging Face Hub cannot say whether it has one: ${known.message}`;
  return new ServiceError('unavailable', message, { cause: error });
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** A folder in Hugging Face layout, or one with one GGUF file. */
async function holdsModel(folder: string): Promise<boolean> {
  if (await isFile(join(folder, 'config.json'))) return true;
  const [gguf, ...others] = ggufNames(await readdir(folder).catch((): string[] => []));
  return gguf !== undefined && others.length === 0 && isFile(join(folder, gguf));
}

async function isFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isFile() ?? false;
}

/** Whether a place that is there lies below a folder, or is it, links resolved. */
async function isWithin(folder: string, place: string): Promise<boolean> {
  const [whole, real] = await Promise.all([folder, place].map((path) => realpath(path).catch(() => undefined)));
  return whole !== undefined && real !== undefined && (real === whole || real.startsWith(whole + sep));
}

const openRun = (path: string) => RunFolder.open(path).catch(() => undefined);

/** None while an adapter is trained: what would be loaded from the files alone is not the model that answers. */
async function filesOf({ folder, adapter }: StoredModel): Promise<{ path: string; size_bytes: number }[]> {
  if (adapter !== undefined) return [];
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const sized = await Promise.all(
    entries
      .filter((entry) => entry.isFile() && !(entry.parentPath === folder && TRAINERS_OWN.has(entry.name)))
      .map(async ({ parentPath, name }) => {
        const place = join(parentPath, name);
        const path = place.slice(folder.length).split(sep).filter(Boolean).join('/');
        const found = await lstat(place).catch(() => undefined);
        return found && { path, size_bytes: found.size };
      }),
  );
  return sized.filter((file) => file !== undefined).sort((a, b) => (a.path < b.path ? -1 : 1));
}
