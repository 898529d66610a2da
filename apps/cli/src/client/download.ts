// Downloads a model of a server. Files arrive in a folder NAME.part, which a later attempt continues; it is renamed when
// it is complete.

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HubEvent } from '@ludic/hub';
import { parseObject } from '@ludic/io';
import { writeFileAtomic, writeSynced } from '@ludic/io/node';
import type { Model } from '@ludic/service';
import { ClientError, type LudicClient } from '@ludic/service/client';
import { UsageError } from '../failure.ts';

/** State of an unfinished download. */
interface Begun {
  readonly name: string;
  readonly modified_at: string;
  /** By file. */
  readonly etags: Readonly<Record<string, string>>;
}

const STATE = '.ludic-download.json';

export async function downloadModel(
  client: LudicClient,
  name: string,
  out: string,
  show: (event: HubEvent) => void,
): Promise<Model> {
  if (existsSync(out)) throw new UsageError(`${out} exists already. Give another folder as --out.`);
  const model = await client.model(name);
  if (model.files.length === 0)
    throw new UsageError(`${name} has no files yet: it is ${model.status}. Wait for its first checkpoint.`);
  for (const { path } of model.files) checkPath(path, name);
  const folder = `${out}.part`;
  const etags: Record<string, string> = { ...(await begunIn(folder, model))?.etags };
  await mkdir(folder, { recursive: true });
  await writeState(folder, { name, modified_at: model.modified_at, etags });
  const total = model.files.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  let done = 0;
  for (const { path, size_bytes: size } of model.files) {
    const told = (state: 'begun' | 'moving' | 'done', bytes: number) =>
      show({ type: 'file', file: path, size, state, bytes, all: { bytes: done + bytes, size: total } });
    await writeSynced(join(folder, path), 'a+', async (handle) => {
      const have = etags[path] === undefined ? 0 : (await handle.stat()).size;
      told('begun', have);
      if (have !== size) {
        const file = await client.modelFile(name, path, {
          ...(have > 0 && have < size && { have: { bytes: have, etag: etags[path]! } }),
          onProgress: ({ bytes }) => told('moving', bytes),
        });
        // Written before the first byte, so that bytes found later are known to be of this version.
        if (file.etag === undefined) delete etags[path];
        else etags[path] = file.etag;
        await handle.truncate(file.from);
        await writeState(folder, { name, modified_at: model.modified_at, etags });
        for await (const chunk of file.chunks) await handle.appendFile(chunk);
      }
      const { size: written } = await handle.stat();
      if (written !== size)
        throw new ClientError('bad_answer', `${path} of ${name} came with ${written} bytes instead of ${size}.`);
    });
    told('done', size);
    done += size;
  }
  if ((await client.model(name)).modified_at !== model.modified_at) {
    await rm(folder, { recursive: true });
    throw new ClientError('bad_answer', `${name} changed while it was being downloaded. Download it again.`);
  }
  await rm(join(folder, STATE), { force: true });
  await rename(folder, out);
  return model;
}

/** State of an earlier attempt at the same version; the folder of another version is emptied. */
async function begunIn(folder: string, { name, modified_at }: Model): Promise<Begun | undefined> {
  const text = await readFile(join(folder, STATE), 'utf8').catch(() => undefined);
  // A damaged state is discarded.
  const begun = parseObject(text ?? '') as Begun | undefined;
  if (begun?.name === name && begun.modified_at === modified_at && typeof begun.etags === 'object') return begun;
  const present = await readdir(folder).catch(() => []);
  if (text === undefined && present.length > 0)
    throw new UsageError(
      `${folder} is in the way: it holds no download that could go on. Remove it, or give another --out.`,
    );
  await rm(folder, { recursive: true, force: true });
  return undefined;
}

const writeState = (folder: string, begun: Begun): Promise<void> =>
  writeFileAtomic(join(folder, STATE), JSON.stringify(begun));

/** Refuses paths that leave the model's folder. */
function checkPath(path: string, name: string): void {
  if (path.split('/').some((part) => !/^[\w-][\w.-]*$/.test(part)))
    throw new ClientError(
      'bad_answer',
      `The server names a file ${JSON.stringify(path)} of ${name}, which is no path.`,
    );
}
