// The runs that this browser holds: listed, opened, deleted, downloaded. Work on a run holds a lock, so that two tabs
// do not write to the same run.

import { checkpointFolder, openRun, readRunConfig, type StepMetrics } from '@ludic/grpo';
import type { LogLine } from '@ludic/grpo/internal';
import { blobsOf } from '@ludic/models/web';
import { type ModelBlobs, madeBlobs } from '../models/registry.ts';
import type { RunContents, RunSummary, StepEvaluation } from '../protocol.ts';
import { canWrite, folderAt, removeFolder } from './browser-files.ts';
import { BrowserRun, GAMES } from './browser-run.ts';
import { readGames, type StoredGames } from './stored-games.ts';
import { zipOf } from './zip.ts';

const FOLDER = 'runs';
/** A page that was closed while it computed lets go of its runs a moment later. In ms. */
const PATIENCE = 5000;
/** Any name as that of a folder. */
const folderOf = (name: string) => encodeURIComponent(name).replaceAll('.', '%2E');
const CHECKPOINTS = 'checkpoints';
/** Those of a checkpoint that are no model's. */
const STATE = ['state.json', 'optimizer.safetensors'];

/** All runs in this browser's storage. Work on one takes a lock that other tabs respect. */
export class Runs {
  /** Those that are worked on here, and those of which the storage has not taken everything. */
  readonly #known = new Map<string, BrowserRun>();
  readonly #held = new Set<string>();

  /** Does work on a run under its lock. */
  async withLock<T>(name: string, work: () => Promise<T>, patience = PATIENCE): Promise<T> {
    // Browsers without locks, and pages that come over plain HTTP from another machine, store nothing that two could write.
    if (!navigator.locks) return work();
    const tooLong = AbortSignal.timeout(patience);
    let begun = false;
    const begin = async () => {
      begun = true;
      this.#settle(name);
      this.#held.add(name);
      try {
        return await work();
      } finally {
        this.#held.delete(name);
        this.#settle(name);
      }
    };
    try {
      return await navigator.locks.request(`ludic run ${name}`, { signal: tooLong }, begin);
    } catch (error) {
      if (begun || !tooLong.aborted) throw error;
      throw new Error(`The run ${name} is being worked on, here or in another tab: stop it there first.`);
    }
  }

  async open(name: string): Promise<BrowserRun> {
    const known = this.#known.get(name);
    if (known) return known;
    const home = await storage(true);
    const folder = await home?.getDirectoryHandle(folderOf(name), { create: true }).catch((error: DOMException) => {
      if (error.name === 'QuotaExceededError') return undefined;
      throw error;
    });
    const run = await BrowserRun.open(name, folder);
    if (this.#held.has(name) || !run.stored) this.#known.set(name, run);
    return run;
  }

  /** What is stored is read anew the next time: another tab may have gone on with it. */
  #settle(name: string): void {
    if (this.#known.get(name)?.stored) this.#known.delete(name);
  }

  /** The latest first. */
  async list(): Promise<RunSummary[]> {
    const names = new Set(this.#known.keys());
    const home = await storage(false);
    if (home) for await (const name of home.keys()) names.add(decodeURIComponent(name));
    const found: RunSummary[] = [];
    for (const name of names) {
      const summary = await this.#summary(name).catch(() => undefined);
      if (summary) found.push(summary);
      else await this.withLock(name, () => this.#sweep(name), 0).catch(() => {});
    }
    return found.sort((a, b) => b.modified - a.modified);
  }

  async contents(name: string): Promise<RunContents> {
    const summary = await this.#summary(name);
    const run = await openRun(await this.open(name));
    const log: readonly LogLine[] = await run.log();
    const metrics: StepMetrics[] = [];
    let seconds = 0;
    const evaluations: StepEvaluation[] = [];
    for (const line of log) {
      // A page that was closed may have written more steps than its last checkpoint has.
      if (!summary.finished && line.step > summary.step) continue;
      if (line.type === 'evaluation') evaluations.push({ step: line.step, evaluation: line });
      else if (line.type === 'step') {
        metrics.push(line);
        seconds += line.seconds;
      }
    }
    return { summary, settings: run.config.settings, metrics, seconds, evaluations };
  }

  /** Kept games of the newest step, or the newest up to `step`; and of which steps there are any. */
  async games(name: string, step?: number): Promise<StoredGames> {
    const storage = await this.open(name);
    for (let left = 5; ; left--) {
      try {
        const bytes = (await storage.read(GAMES)) ?? new Uint8Array();
        return readGames(new TextDecoder().decode(bytes), step);
      } catch (error) {
        // A run that goes on writes to the file that is read.
        if (!(error instanceof DOMException) || left === 0) throw error;
      }
    }
  }

  /**
   * Removes what a page has left that was killed when its run had hardly begun; the caller holds the run.
   * @returns whether there is no run of that name now
   */
  async clear(name: string): Promise<boolean> {
    const begun = await this.#summary(name).then(
      () => true,
      () => false,
    );
    if (!begun) await this.#remove(name);
    return !begun;
  }

  delete(name: string): Promise<void> {
    return this.withLock(name, () => this.#remove(name));
  }

  /** The model as it is now: of the finished run, or of its last checkpoint. An adapter is merged when it is needed. */
  async modelBlobs(name: string): Promise<ModelBlobs> {
    const storage = await this.open(name);
    const final = await storage.blobs('final');
    if (final.size > 0) return final;
    const run = await openRun(storage);
    const step = (await run.checkpoints()).at(-1) ?? 0;
    const blobs = await storage.blobs(checkpointFolder(step));
    if (blobs.has('config.json')) return withoutState(blobs);
    let merged: Promise<ReadonlyMap<string, Blob>> | undefined;
    const make = async () => {
      merged ??= run.mergedModel(step).then(blobsOf);
      // What could not be read may be tried again.
      merged.catch(() => {
        merged = undefined;
      });
      return merged;
    };
    return { bytes: (await this.firstBlobs(name)).get('model.safetensors')?.size ?? 0, make };
  }

  /** The model that the run began with. */
  async firstBlobs(name: string): Promise<ReadonlyMap<string, Blob>> {
    return withoutState(await (await this.open(name)).blobs(checkpointFolder(0)));
  }

  async zip(name: string, part: 'model' | 'run'): Promise<{ readonly blob: Blob; readonly fileName: string }> {
    const folder = name.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-');
    await this.#summary(name);
    const files = part === 'run' ? await (await this.open(name)).everything() : await this.modelBlobs(name);
    return {
      blob: await zipOf(await madeBlobs(files), folder),
      fileName: `${folder}${part === 'run' ? '-run' : ''}.zip`,
    };
  }

  async #summary(name: string): Promise<RunSummary> {
    const storage = await this.open(name);
    if (!(await storage.read('config.json')))
      throw new Error(`The run ${name} is no longer in this browser: perhaps another tab deleted it.`);
    const { settings, model } = await readRunConfig(storage);
    const files = await storage.everything();
    const step = (await (await openRun(storage)).checkpoints()).at(-1);
    if (step === undefined) throw new Error(`${name} has no checkpoint.`);
    let bytes = 0;
    let modified = 0;
    for (const blob of files.values()) {
      bytes += blob.size;
      if (blob instanceof File) modified = Math.max(modified, blob.lastModified);
    }
    const finished = (await storage.names('')).includes('final');
    const { environment, environmentConfig: config, history, steps } = settings;
    return {
      name,
      model,
      game: { environment, config, history },
      step,
      steps,
      finished,
      modified: modified || Date.now(),
      bytes,
      stored: storage.stored,
    };
  }

  /** Of a page that was closed when it had hardly begun. What cannot be read but was trained is left alone. */
  async #sweep(name: string): Promise<void> {
    if ((await (await this.open(name)).names(CHECKPOINTS)).length === 0) await this.#remove(name);
  }

  async #remove(name: string): Promise<void> {
    const home = await storage(false);
    if (home) await removeFolder(home, folderOf(name));
    this.#known.delete(name);
  }
}

/** What a model consists of, out of a checkpoint. */
const withoutState = (blobs: ReadonlyMap<string, Blob>): ReadonlyMap<string, Blob> =>
  new Map([...blobs].filter(([file]) => !STATE.includes(file)));

/** The folder of all runs; undefined where the browser gives no storage, or none that holds more. */
async function storage(create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
  if (!canWrite()) return undefined;
  try {
    const root = await navigator.storage.getDirectory();
    return await folderAt(root, FOLDER, create);
  } catch {
    return undefined;
  }
}
