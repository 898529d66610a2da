// The models of a server: folders below DATA/models, each a run or a plain model, and nano. A name is one plain word,
// so that no request reaches another place.

import { lstat, mkdir, readdir, realpath, rename, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunFolder } from '@ludic/grpo/node';
import { NANO_FOLDER } from '@ludic/nano';
import { type Model, modelName, ServiceError } from '@ludic/service';
import type { ModelSource } from './model-source.ts';

/** Where a model's files are, and which of them a client may have. */
export interface StoredModel {
  readonly name: string;
  readonly kind: Model['kind'];
  /** What would be loaded: a model folder. */
  readonly folder: string;
  /** An adapter that belongs on top of it, while its run has not finished. */
  readonly adapter?: string;
}

export const NANO = 'nano';

export class ModelStore {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async open(dataFolder: string): Promise<ModelStore> {
    const root = join(dataFolder, 'models');
    await mkdir(root, { recursive: true });
    return new ModelStore(await realpath(root));
  }

  /** The place of a model of that name, whether there is one or not. */
  folderOf(name: string): string {
    if (modelName(name) !== name) throw notFound(name);
    return join(this.#root, name);
  }

  async has(name: string): Promise<boolean> {
    return (await lstat(this.folderOf(name)).catch(() => undefined)) !== undefined;
  }

  async names(): Promise<string[]> {
    const entries = await readdir(this.#root, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && modelName(entry.name) === entry.name)
      .map(({ name }) => name);
  }

  /**
   * What a client means by `model_path`. A model of the server comes before one of the Hub with the same name.
   * @throws ServiceError `not_found`, `unusable`
   */
  async resolve(path: string): Promise<ModelSource> {
    if (path === NANO) return { from: 'store', model: nano() };
    const name = modelName(path);
    if (name !== undefined && (await this.has(name))) {
      const model = await this.find(name);
      if (model) return { from: 'store', model };
      throw new ServiceError('unusable', `The run ${shown(name)} has no checkpoint yet; try again when it has.`);
    }
    if (/^[\w.-]+\/[\w.-]+(@[\w./-]+)?$/.test(path) && !path.includes('..')) return { from: 'hub', reference: path };
    throw notFound(path);
  }

  /** A model's loadable folder; undefined where there is none of that name, or nothing that could answer yet. */
  async find(name: string): Promise<StoredModel | undefined> {
    if (name === NANO) return nano();
    const folder = this.folderOf(name);
    if (await isFolder(join(folder, 'checkpoints'))) {
      if (await isFile(join(folder, 'final', 'config.json')))
        return { name, kind: 'run', folder: join(folder, 'final') };
      const run = await RunFolder.open(folder);
      const last = (await run.checkpoints()).at(-1);
      if (last === undefined) return undefined;
      // A run that trains an adapter has its model in the first checkpoint alone.
      if (run.config.settings.lora === undefined || last === 0)
        return { name, kind: 'run', folder: run.checkpointPath(last) };
      return { name, kind: 'run', folder: run.checkpointPath(0), adapter: run.checkpointPath(last) };
    }
    return (await isFile(join(folder, 'config.json'))) ? { name, kind: 'folder', folder } : undefined;
  }

  /** @throws ServiceError `not_found` */
  async describe(name: string): Promise<Model> {
    const exists = name === NANO || (modelName(name) === name && (await this.has(name)));
    if (!exists) throw notFound(name);
    const stored = await this.find(name);
    const whole = name === NANO ? nano().folder : this.folderOf(name);
    const files = stored ? await filesBelow(stored.folder) : [];
    const { mtime } = await lstat(stored?.folder ?? whole);
    const kind = stored?.kind ?? 'run';
    const run = kind === 'run' ? await RunFolder.open(whole).catch(() => undefined) : undefined;
    return {
      name,
      kind,
      status: stored ? (run && !stored.folder.endsWith(`${sep}final`) ? 'training' : 'ready') : 'empty',
      env_type: run?.config.settings.environment ?? null,
      size_bytes: files.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
      modified_at: mtime.toISOString(),
      files,
    };
  }

  async list(): Promise<Model[]> {
    const names = [NANO, ...(await this.names()).sort()];
    // One that is removed meanwhile, or that is damaged, does not hide the others.
    const models = await Promise.all(names.map((name) => this.describe(name).catch(() => undefined)));
    return models.filter((model) => model !== undefined);
  }

  /**
   * The path of a file that belongs to a model as it would be loaded.
   * @throws ServiceError `not_found`, also for whatever lies outside, links included
   */
  async file(name: string, path: string): Promise<string> {
    const stored = modelName(name) === name ? await this.find(name) : undefined;
    if (!stored) throw notFound(name);
    const segments = path.split('/');
    const missing = () => new ServiceError('not_found', `The model ${shown(name)} has no file ${shown(path)}.`);
    if (!segments.every((segment) => /^[\w-][\w.-]*$/.test(segment))) throw missing();
    const folder = await realpath(stored.folder);
    const real = await realpath(join(folder, ...segments)).catch(() => undefined);
    if (!real?.startsWith(folder + sep) || !(await isFile(real))) throw missing();
    return real;
  }

  /** Removes a model. What remains of it after a crash is removed at the next call. */
  async remove(name: string): Promise<void> {
    if (name === NANO) throw new ServiceError('forbidden', 'nano is part of Ludic and stays.');
    if (modelName(name) !== name || !(await this.has(name))) throw notFound(name);
    const bin = join(this.#root, '.removed');
    await mkdir(bin, { recursive: true });
    // Under its name it is gone at once; its many files go afterwards.
    await rename(this.folderOf(name), join(bin, `${name}.${process.pid}.${removals++}`));
    await rm(bin, { recursive: true, force: true });
  }
}

let removals = 0;

const nano = (): StoredModel => ({ name: NANO, kind: 'embedded', folder: fileURLToPath(NANO_FOLDER) });

const notFound = (name: string) =>
  new ServiceError('not_found', `There is no model ${shown(name)}. GET /models lists those of this server.`);

/** A name from outside, short and in quotes. */
const shown = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function isFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isFile() ?? false;
}

async function filesBelow(folder: string): Promise<{ path: string; size_bytes: number }[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  const sized = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      const { size } = await lstat(path);
      return { path: path.slice(folder.length).split(sep).filter(Boolean).join('/'), size_bytes: size };
    }),
  );
  return sized.sort((a, b) => (a.path < b.path ? -1 : 1));
}
