// One run in the browser's storage, laid out as a run's folder is. The storage cannot rename a folder: so folders.json
// says which are whole and where they lie, and is replaced when a folder is. Once the storage takes no more, what is
// new is stored in memory, and what is stored stays.

import type { RunStorage } from '@ludic/grpo';
import { type FolderFiles, ModelError, type ModelFiles } from '@ludic/models';
import { blobModelFiles, blobsOf } from '@ludic/models/web';
import * as browser from './browser-files.ts';
import { MOST_GAMES, thinnedGames } from './stored-games.ts';

const INDEX = 'folders.json';
/** The file of the stored games. */
export const GAMES = 'episodes.jsonl';
const FILES = ['config.json', 'metrics.jsonl', GAMES] as const;

/** The storage of one run, as the trainer of `@ludic/grpo` writes and reads it. */
export class BrowserRun implements RunStorage {
  readonly place: string;
  readonly #home: FileSystemDirectoryHandle | undefined;
  /** Where the stored folders lie, by their place in the run. */
  #folders: ReadonlyMap<string, string>;
  /** What the storage has not taken: files beside folders, and folders. */
  readonly #memoryFiles = new Map<string, Blob>();
  readonly #memoryFolders = new Map<string, ReadonlyMap<string, Blob>>();
  /** Told once, in a sentence, when memory takes the storage's place. */
  onFull: (message: string) => void = () => {};
  #full: boolean;

  /** @param home undefined where the browser gives no storage: then all is in memory */
  static async open(name: string, home: FileSystemDirectoryHandle | undefined): Promise<BrowserRun> {
    const index = home && (await browser.fileAt(home, INDEX));
    return new BrowserRun(name, home, new Map(index ? Object.entries(JSON.parse(await index.text())) : []));
  }

  private constructor(name: string, home: FileSystemDirectoryHandle | undefined, folders: ReadonlyMap<string, string>) {
    this.place = name;
    this.#home = home;
    this.#folders = folders;
    this.#full = home === undefined;
  }

  /** Whether all of it outlives the page. */
  get stored(): boolean {
    return !this.#full;
  }

  async names(folder: string): Promise<readonly string[]> {
    const prefix = folder === '' ? '' : `${folder}/`;
    const paths: string[] = [...this.#folders.keys(), ...this.#memoryFolders.keys()];
    for (const file of FILES) if (await this.#blob(file)) paths.push(file);
    const inside = paths.filter((path) => path.startsWith(prefix));
    return [...new Set(inside.map((path) => path.slice(prefix.length).split('/')[0]!))];
  }

  async read(file: string): Promise<Uint8Array | undefined> {
    const blob = await this.#blob(file);
    return blob && new Uint8Array(await blob.arrayBuffer());
  }

  async write(file: string, text: string): Promise<void> {
    if (await this.#try((home) => browser.replaceFile(home, file, text))) return;
    this.#memoryFiles.set(file, new Blob([text]));
  }

  async append(file: string, text: string): Promise<void> {
    await this.#append(file, text);
    if (file !== GAMES || ((await this.#blob(file))?.size ?? 0) <= MOST_GAMES) return;
    const stored = await this.read(file);
    if (stored) await this.write(file, thinnedGames(new TextDecoder().decode(stored)));
  }

  async #append(file: string, text: string): Promise<void> {
    if (await this.#try((home) => browser.appendFile(home, file, text))) return;
    // Bytes, because the file that a blob stands for may change.
    this.#memoryFiles.set(file, new Blob([(await this.read(file)) ?? '', text] as BlobPart[]));
  }

  async cut(file: string, length: number): Promise<void> {
    if (await this.#try((home) => browser.cutFile(home, file, length))) return;
    this.#memoryFiles.set(file, new Blob([((await this.read(file)) ?? new Uint8Array()).slice(0, length)]));
  }

  async writeFolder(folder: string, files: FolderFiles): Promise<void> {
    if (!(await this.#try((home) => this.#store(home, folder, files)))) this.#memoryFolders.set(folder, blobsOf(files));
  }

  async removeFolder(folder: string): Promise<void> {
    this.#memoryFolders.delete(folder);
    const place = this.#folders.get(folder);
    // What is stored may be all that is left after the page is closed.
    if (place === undefined || this.#full) return;
    await this.#try(async (home) => {
      await this.#writeIndex(home, new Map([...this.#folders].filter(([name]) => name !== folder)));
      await browser.removeFolder(home, place);
    });
  }

  async open(folder: string, kind: 'model' | 'adapter'): Promise<ModelFiles> {
    const blobs = await this.blobs(folder);
    const needed = kind === 'model' ? 'config.json' : 'adapter_config.json';
    if (!blobs.has(needed))
      throw new ModelError('not_a_model', `${folder} of ${this.place} is no ${kind} folder: it has no ${needed}.`);
    return blobModelFiles(`${this.place}/${folder}`, (file) => blobs.get(file));
  }

  /** The files of a whole folder by their names in it; none where it is not there. */
  async blobs(folder: string): Promise<ReadonlyMap<string, Blob>> {
    const inMemory = this.#memoryFolders.get(folder);
    if (inMemory) return inMemory;
    const place = this.#folders.get(folder);
    if (place === undefined || !this.#home) return new Map();
    return browser.filesIn(await browser.folderAt(this.#home, place, true));
  }

  /** Everything, by its path in the folder of the run. */
  async everything(): Promise<ReadonlyMap<string, Blob>> {
    const found = new Map<string, Blob>();
    for (const file of FILES) {
      const blob = await this.#blob(file);
      if (blob) found.set(file, blob);
    }
    for (const folder of new Set([...this.#folders.keys(), ...this.#memoryFolders.keys()]))
      for (const [name, blob] of await this.blobs(folder)) found.set(`${folder}/${name}`, blob);
    return found;
  }

  /** Tries to store what is in memory, and clears away what a page left that was closed while it wrote. */
  async storeMemory(): Promise<void> {
    if (!this.#home) {
      this.onFull(
        'This browser gives the page no storage, as in a private window: the run is in memory. Download it before you leave the page.',
      );
      return;
    }
    try {
      for (const [file, blob] of this.#memoryFiles) {
        await browser.replaceFile(this.#home, file, await blob.text());
        this.#memoryFiles.delete(file);
      }
      for (const [folder, blobs] of this.#memoryFolders) {
        const files = new Map<string, Uint8Array>();
        for (const [name, blob] of blobs) files.set(name, new Uint8Array(await blob.arrayBuffer()));
        await this.#store(this.#home, folder, files);
        this.#memoryFolders.delete(folder);
      }
      this.#full = false;
      await this.#sweep(this.#home);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.#full = true;
    }
  }

  /** Whether the storage took it. Once it has not, it is not asked again before `storeMemory`. */
  async #try(work: (home: FileSystemDirectoryHandle) => Promise<void>): Promise<boolean> {
    if (this.#full || !this.#home) return false;
    try {
      await work(this.#home);
      return true;
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.#full = true;
      const why =
        error.name === 'QuotaExceededError'
          ? 'The storage of the browser is full'
          : `The storage of the browser does not take the run (${error.message})`;
      this.onFull(
        `${why}: the run goes on in memory, and what was saved before stays. Delete another run and continue this one, or download it before you leave the page.`,
      );
      return false;
    }
  }

  async #store(home: FileSystemDirectoryHandle, folder: string, files: FolderFiles): Promise<void> {
    const old = this.#folders.get(folder);
    const place = old === folder ? `${folder}~` : folder;
    try {
      // A page that was closed while it wrote may have left something.
      await browser.removeFolder(home, place);
      for (const [name, content] of files) await browser.writeFile(home, `${place}/${name}`, content);
      await this.#writeIndex(home, new Map([...this.#folders, [folder, place]]));
    } catch (error) {
      await browser.removeFolder(home, place).catch(() => {});
      throw error;
    }
    if (old !== undefined) await browser.removeFolder(home, old).catch(() => {});
  }

  async #writeIndex(home: FileSystemDirectoryHandle, folders: ReadonlyMap<string, string>): Promise<void> {
    await browser.replaceFile(home, INDEX, `${JSON.stringify(Object.fromEntries(folders))}\n`);
    this.#folders = folders;
  }

  async #sweep(home: FileSystemDirectoryHandle): Promise<void> {
    const places = [...this.#folders.values()];
    const keep = (path: string) => [...FILES, INDEX].includes(path) || places.some((at) => path.startsWith(`${at}/`));
    for (const path of (await browser.filesIn(home)).keys())
      if (!keep(path)) await browser.removeFolder(home, path).catch(() => {});
  }

  async #blob(file: string): Promise<Blob | undefined> {
    const known = this.#memoryFiles.get(file);
    if (known) return known;
    const folder = [...this.#memoryFolders.keys(), ...this.#folders.keys()].find((name) => file.startsWith(`${name}/`));
    if (folder !== undefined) return (await this.blobs(folder)).get(file.slice(folder.length + 1));
    return this.#home && (FILES as readonly string[]).includes(file) ? browser.fileAt(this.#home, file) : undefined;
  }
}
