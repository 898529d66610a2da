// The folder of a model: config.json, weights, what stands beside them, and on request its graph under onnx/, so that
// Python and transformers.js load it.

import { type ByteStream, type ModelFileOptions, modelFiles } from '@ludic/graph';
import type { HostTensor } from '@ludic/runtime';
import { writeConfig } from '../architectures/registry.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { exportGraph } from '../export/export-graph.ts';
import type { ExportDtype } from '../export/export-weights.ts';
import { checkpointFiles } from './checkpoint.ts';
import type { FileContent } from './model-files.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';

/** The contents of files by their names in a folder. */
export type FolderFiles = ReadonlyMap<string, FileContent>;

/** What a model's folder holds beside weights and tokenizer, and in how large files. */
export interface FolderOptions extends ModelFileOptions {
  /** In which numbers the graph is written; in none by default. */
  readonly onnx?: readonly ExportDtype[];
}

/** The folder of a whole model. Its streams read the parameters when they are written. */
export function folderFiles(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
  tokenizerFiles: TokenizerFiles,
  options: FolderOptions = {},
): FolderFiles {
  const onnx = options.onnx?.length ? onnxFiles(config, parameters, options.onnx, options) : [];
  return new Map([...tokenizerFiles, ...checkpointFiles(config, parameters), ...onnx]);
}

/** config.json and the graphs under onnx/. */
export function onnxFiles(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
  dtypes: readonly ExportDtype[],
  options: ModelFileOptions = {},
): FolderFiles {
  const found = new Map<string, ByteStream>();
  const parts: Record<string, number> = {};
  for (const dtype of dtypes) {
    const name = modelFileName(dtype);
    const files = modelFiles(exportGraph(config, parameters, dtype), name, options);
    for (const [file, data] of files) found.set(`onnx/${file}`, data);
    if (files.size > 1) parts[name] = files.size - 1;
  }
  const hints = {
    // Read by transformers.js before version 4; newer ones ask the graph.
    ...(dtypes.includes('fp16') && { kv_cache_dtype: { fp16: 'float16' } }),
    ...(Object.keys(parts).length > 0 && { use_external_data_format: parts }),
  };
  const json = { ...writeConfig(config), ...(Object.keys(hints).length > 0 && { 'transformers.js_config': hints }) };
  return new Map<string, string | ByteStream>([['config.json', `${JSON.stringify(json, null, 2)}\n`], ...found]);
}

/** As transformers.js looks for it. */
const modelFileName = (dtype: ExportDtype) => `model${dtype === 'fp32' ? '' : `_${dtype}`}.onnx`;
