// The model of a run by the run's own folder: its final model, else its best checkpoint, else its latest.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunFolder } from '@ludic/grpo/node';
import { parseObject } from '@ludic/io';
import type { FolderFiles, ModelFiles } from '@ludic/models';
import { openModelFolder } from '@ludic/models/node';
import { UsageError } from '../failure.ts';

interface RunModel {
  readonly files: ModelFiles;
  /** Such as `its final model`. */
  readonly what: string;
}

/** @returns undefined where the folder is no run */
export async function openRunModel(folder: string): Promise<RunModel | undefined> {
  if (!(await isRun(folder))) return undefined;
  const run = await RunFolder.open(folder);
  if (existsSync(join(folder, 'final/config.json')))
    return { files: await openModelFolder(join(folder, 'final')), what: 'its final model' };
  const steps = await run.checkpoints();
  const latest = steps.at(-1);
  if (latest === undefined) throw new UsageError(`${folder} is a run without a checkpoint yet.`);
  const { best } = await run.loadState(latest);
  const isKept = best !== undefined && steps.includes(best.step);
  const step = isKept ? best.step : latest;
  const path = run.checkpointPath(step);
  // A run of an adapter keeps the base model in its first checkpoint only.
  const files = existsSync(join(path, 'model.safetensors'))
    ? await openModelFolder(path)
    : filesInMemory(path, await run.mergedModel(step));
  return { files, what: `its ${isKept ? 'best' : 'latest'} checkpoint, of step ${step}` };
}

export async function isRun(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => '');
  const { formatVersion, settings } = parseObject(text) ?? {};
  return formatVersion !== undefined && typeof settings === 'object';
}

function filesInMemory(name: string, files: FolderFiles): ModelFiles {
  const read = async (file: string) => {
    const content = files.get(file);
    if (content === undefined) return undefined;
    if (content instanceof Uint8Array) return content;
    return new Uint8Array(typeof content === 'string' ? Buffer.from(content) : Buffer.concat([...content]));
  };
  return {
    name,
    read,
    async open(file) {
      const bytes = await read(file);
      if (!bytes) return undefined;
      return {
        size: bytes.length,
        read: async (at, into) => into.set(bytes.subarray(at, at + into.length)),
        close: async () => {},
      };
    },
  };
}
