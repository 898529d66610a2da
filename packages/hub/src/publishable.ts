// The files of a model folder that are worth publishing: what loads the model anywhere, and nothing of the run.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TOKENIZER_FILES } from '@ludic/models/internal';
import { openModelFolder } from '@ludic/models/node';
import { select, shardsIn } from './selection.ts';
import type { UploadFile } from './upload.ts';

/** Files of other forms of the same model, in folders of their own: a LoRA adapter, and ONNX for transformers.js. */
const BESIDE = [
  { folder: 'adapter', files: /^adapter_(config\.json|model\.safetensors)$/ },
  { folder: 'onnx', files: /\.onnx(_data.*)?$/ },
] as const;

/** @throws ModelError `not_a_model` where the folder holds none */
export async function publishable(folder: string): Promise<readonly UploadFile[]> {
  await openModelFolder(folder);
  const names = new Set(await readdir(folder));
  const { small, weights } = select(folder, names);
  const shards =
    weights.kind === 'index' ? shardsIn(folder, weights.file, await readFile(join(folder, weights.file))) : [];
  const tokenizerFiles = TOKENIZER_FILES.filter((name) => names.has(name));
  const beside = await Promise.all(
    BESIDE.map(async (part) => {
      const found = await readdir(join(folder, part.folder)).catch(() => []);
      return found.filter((name) => part.files.test(name)).map((name) => `${part.folder}/${name}`);
    }),
  );
  const paths = [...new Set([...small, ...tokenizerFiles, weights.file, ...shards, ...beside.flat()])];
  return Promise.all(
    paths.map(async (path) => {
      const file = join(folder, path);
      return { path, size: (await stat(file)).size, content: { kind: 'file', file } as const };
    }),
  );
}
