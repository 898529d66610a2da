// ludic export: writes a model as a folder that Python and transformers.js load.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { completeTokenizerFiles, type ExportDtype, folderFiles } from '@ludic/models';
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
}

export function exportCommand(): Command {
  return new Command('export')
    .description('Write a model as a Hugging Face folder with its graph under onnx/, which transformers.js loads')
    .requiredOption('--out <folder>', 'Folder that the model is written to')
    .addOption(modelOption())
    .addOption(adapterOption())
    .addOption(
      new Option('--dtype <names>', 'Number formats of the graphs, separated by commas: fp32, fp16, q4')
        .argParser(exportDtypes)
        .default(exportDtypes('fp32'), 'fp32'),
    )
    .action(async ({ model, adapter, out, dtype: onnx }: ExportCommand) => {
      if (existsSync(out)) throw new UsageError(`${out} exists already. Choose another folder.`);
      const files = await openFiles(model);
      const { config, parameters } = await openCheckpoint(files, adapter);
      const tokenizerFiles = await completeTokenizerFiles(files);
      await writeFilesAtomically(resolve(out), folderFiles(config, parameters, tokenizerFiles, { onnx }));
      console.log(`${out} holds the model.`);
    });
}
