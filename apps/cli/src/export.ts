// ludic export: a model as a folder that Python and transformers.js load.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildExport, checkpointFiles, readCheckpoint, readCompanions } from '@ludic/models';
import { writeFilesAtomically } from '@ludic/models/node';
import { Command } from 'commander';
import { UsageError } from './failure.ts';
import { adapterOption, modelOption, openFiles, withAdapter } from './models.ts';

interface Options {
  readonly model: string;
  readonly adapter?: string;
  readonly out: string;
}

export function exportCommand(): Command {
  return new Command('export')
    .description('write a model as a Hugging Face folder with onnx/model.onnx, which transformers.js loads')
    .requiredOption('--out <folder>', 'where the model goes')
    .addOption(modelOption())
    .addOption(adapterOption())
    .action(async ({ model, adapter, out }: Options) => {
      if (existsSync(out)) throw new UsageError(`${out} exists already. Choose another folder.`);
      const files = await openFiles(model);
      const checkpoint = await readCheckpoint(files);
      const { config } = checkpoint;
      const parameters = await withAdapter(checkpoint, adapter);
      await writeFilesAtomically(
        resolve(out),
        new Map([
          ...(await readCompanions(files)),
          ...checkpointFiles(config, parameters),
          ['onnx/model.onnx', buildExport(config, parameters)],
        ]),
      );
      console.log(`${out} holds the model.`);
    });
}
