// What workers open a run with: the files of its first model and of its reference, its settings, the hashes of its game and
// plugins.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gameFiles, ownGameFile } from '@ludic/environments/node';
import { pluggedIn, settingsToJson } from '@ludic/grpo/internal';
import type { WorkerSetup } from '@ludic/grpo/internal-node';
import { type BlobWriter, hashOf } from './blobs.ts';
import { encodeMessage } from './codec.ts';
import type { ClusterSetup, StoredFile } from './messages.ts';
import { PROTOCOL } from './names.ts';

/** Of a checkpoint, what no worker needs. */
const OWN = new Set(['optimizer.safetensors', 'state.json']);

interface FoundFile extends StoredFile {
  readonly path: string;
}

async function filesOf(folder: string): Promise<readonly FoundFile[]> {
  const files: FoundFile[] = [];
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.isFile() || OWN.has(entry.name)) continue;
    const path = join(folder, entry.name);
    const hash = createHash('sha256');
    for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
    files.push({ name: entry.name, sha256: hash.digest('hex'), size: (await stat(path)).size, path });
  }
  return files;
}

/** A setup that can be stored, again if need be. */
export interface PublishedSetup {
  readonly sha256: string;
  /** Of all that belongs to it. */
  readonly hashes: ReadonlySet<string>;
  readonly store: (blobs: BlobWriter) => Promise<void>;
}

export async function publishedSetup(setup: WorkerSetup, timeoutSeconds: number): Promise<PublishedSetup> {
  const { settings, runtime, stepTimeoutSeconds } = setup;
  const model = await filesOf(setup.model);
  const reference = setup.reference === undefined ? undefined : await filesOf(setup.reference);
  const game = gameFiles().find(
    ({ ids, path }) => ids.includes(settings.environment) && path !== ownGameFile(settings.environment),
  );
  const named = (files: readonly FoundFile[]) => files.map(({ path: _, ...file }) => file);
  const document: ClusterSetup = {
    protocol: PROTOCOL,
    settings: JSON.parse(JSON.stringify(settingsToJson(settings))),
    model: named(model),
    ...(reference && { reference: named(reference) }),
    ...(game && { game: { id: settings.environment, sha256: game.sha256 } }),
    plugins: pluggedIn(settings, {}).flatMap(({ kind, name, sha256 }) =>
      // Credit is given here.
      kind === 'advantages' || sha256 === undefined ? [] : [{ kind, name, sha256 }],
    ),
    runtime: {
      ...(runtime.device !== undefined && { device: runtime.device }),
      ...(runtime.float16 !== undefined && { float16: runtime.float16 }),
      ...(runtime.threads !== undefined && { threads: runtime.threads }),
    },
    ...(stepTimeoutSeconds !== undefined && { stepTimeoutSeconds }),
    timeoutSeconds,
  };
  const bytes = encodeMessage(document);
  const sha256 = hashOf([bytes]);
  const files = [...model, ...(reference ?? [])];
  return {
    sha256,
    hashes: new Set([sha256, ...files.map((file) => file.sha256)]),
    async store(blobs) {
      for (const file of files) await blobs.put(file.sha256, createReadStream(file.path));
      await blobs.put(sha256, [bytes]);
    },
  };
}
