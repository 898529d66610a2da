// ludic export: writes a model as a folder that Python and transformers.js load, or as a GGUF file for llama.cpp.

import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { writeFileAtomic } from '@ludic/io/node';
import {
  completeTokenizerFiles,
  type ExportDtype,
  folderFiles,
  GGUF_DTYPES,
  type GgufDtype,
  ggufFile,
} from '@ludic/models';
import { writeFilesAtomically } from '@ludic/models/node';
import { Command, Option } from 'commander';
import { UsageError } from './failure.ts';
import { adapterOption, modelOption, openCheckpoint, openFiles } from './models/open.ts';
import { exportDtypes } from './options/input.ts';

interface ExportCommand {
  readonly model: string;
  readonly adapter?: string;
  readonly out: string;
  readonly dtype: readonly ExportDtype[];
  readonly gguf?: GgufDtype;
}

export function exportCommand(): Command {
  return new Command('export')
    .description(
      'Write a model as a Hugging Face folder with its graph under onnx/, which transformers.js loads, or as a GGUF file',
    )
    .requiredOption('--out <path>', 'Folder that the model is written to; with --gguf, the file')
    .addOption(modelOption())
    .addOption(adapterOption())
    .addOption(
      new Option('--dtype <names>', 'Number formats of the graphs, separated by commas: fp32, fp16, q4')
        .argParser(exportDtypes)
        .default(exportDtypes('fp32'), 'fp32'),
    )
    .addOption(
      new Option('--gguf <type>', 'Write one GGUF file for llama.cpp and Ollama instead, with weights of this type')
        .choices(GGUF_DTYPES)
        .conflicts('dtype'),
    )
    .action(async ({ model, adapter, out, dtype: onnx, gguf }: ExportCommand) => {
      if (existsSync(out)) throw new UsageError(`${out} exists already. Choose another name.`);
      if (gguf !== undefined && !out.endsWith('.gguf'))
        throw new UsageError(`--out ${out} is to be a GGUF file, whose name ends in .gguf.`);
      const files = await openFiles(model);
      const { config, parameters } = await openCheckpoint(files, adapter);
      const tokenizerFiles = await completeTokenizerFiles(files);
      if (gguf === undefined)
        await writeFilesAtomically(resolve(out), folderFiles(config, parameters, tokenizerFiles, { onnx }));
      else {
        const name = basename(out, '.gguf');
        await writeFileAtomic(resolve(out), await ggufFile(config, parameters, tokenizerFiles, { dtype: gguf, name }));
      }
      console.log(`${out} holds the model.`);
    });
}
