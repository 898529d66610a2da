// Writes .br and .gz beside the files of the built page, which servers send in their place: npx node precompress.ts [folder].
// The best brotli of WebAssembly takes a minute, so what was compressed once is kept by the hash of its content, for all
// copies of Ludic that the user has.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir, constants as os, setPriority } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip, constants as zlib } from 'node:zlib';

const KINDS = /\.(?:html|m?js|css|json|svg|wasm|safetensors)$/;
const SMALLEST = 1000;
/** The GPU's WebAssembly is larger: the last tenth would take two minutes more. */
const LARGEST_FOR_BEST = 16e6;
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ludic/page');

const compressors = {
  gz: (bytes: Buffer) => promisify(gzip)(bytes, { level: 9 }),
  br: (bytes: Buffer) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [zlib.BROTLI_PARAM_QUALITY]: bytes.length > LARGEST_FOR_BEST ? 9 : 11,
        [zlib.BROTLI_PARAM_LGWIN]: 24,
        [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
} as const;
type Encoding = keyof typeof compressors;

/** The quick ones first: a page that is served meanwhile gets smaller soon. */
export async function precompress(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && KINDS.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  const sized = await Promise.all(paths.map(async (path) => ({ path, ...(await stat(path)) })));
  const files = sized.filter(({ size }) => size >= SMALLEST).sort((a, b) => a.size - b.size);
  for (const encoding of ['gz', 'br'] as const) {
    const waiting = files.values();
    // Two at a time: each holds a file and its compressed form.
    await Promise.all(
      [0, 1].map(async () => {
        for (const { path, mtimeMs } of waiting) await compressBeside(path, mtimeMs, encoding);
      }),
    );
  }
}

async function compressBeside(path: string, modifiedMs: number, encoding: Encoding): Promise<void> {
  const target = `${path}.${encoding}`;
  const present = await stat(target).catch(() => undefined);
  if (present && present.mtimeMs >= modifiedMs) return;
  const bytes = await readFile(path);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const kept = join(CACHE, `${hash}.${encoding}`);
  const beside = `${target}.${process.pid}.tmp`;
  const isKept = await copyFile(kept, beside).then(
    () => true,
    () => false,
  );
  if (!isKept) {
    await writeFile(beside, await compressors[encoding](bytes));
    await keep(beside, kept);
  }
  await rename(beside, target);
}

/** A cache that cannot be written costs time and nothing else. */
async function keep(from: string, to: string): Promise<void> {
  try {
    await mkdir(CACHE, { recursive: true });
    await copyFile(from, `${to}.${process.pid}`);
    await rename(`${to}.${process.pid}`, to);
  } catch {}
}

if (import.meta.main) {
  if (process.connected) {
    // Beside a server: it gives way to everything else, and ends with it.
    setPriority(os.priority.PRIORITY_LOW);
    process.once('disconnect', () => process.exit());
  }
  await precompress(process.argv[2] ?? join(import.meta.dirname, 'dist'));
  if (process.connected) process.disconnect();
}
