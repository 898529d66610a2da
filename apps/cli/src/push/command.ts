// ludic push: uploads a trained model to the Hugging Face Hub, with a model card.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UploadFile } from '@ludic/hub';
import { Command } from 'commander';
import { UsageError } from '../failure.ts';
import { TransferView } from '../models/transfers.ts';
import { amount } from '../units.ts';
import { modelCard } from './model-card.ts';
import { findPublishable } from './published.ts';

interface PushCommand {
  readonly private?: boolean;
  readonly revision: string;
  readonly dryRun?: boolean;
}

export function pushCommand(): Command {
  return new Command('push')
    .description('Upload a run or a model folder to the Hugging Face Hub, with a model card; needs HF_TOKEN')
    .argument('<folder>', 'Run, whose final model is taken, or model folder')
    .argument('<repository>', 'Repository, user/name; created if missing')
    .option('--private', 'Make a new repository private')
    .option('--revision <branch>', 'Branch to write to; created if missing', 'main')
    .option('--dry-run', 'Print the card and the files, and send nothing')
    .action(run);
}

async function run(folder: string, repository: string, options: PushCommand): Promise<void> {
  const { parseReference, publishable, readHubSettings, uploadModel } = await import('@ludic/hub');
  const name = repository.includes('@') || !repository.includes('/') ? undefined : parseReference(repository);
  const reference = name && parseReference(`${repository}@${options.revision}`);
  if (!name) throw new UsageError(`${repository} is no name of a repository, which would be such as user/name.`);
  if (!reference) throw new UsageError(`${options.revision} is no name of a branch.`);
  const { model, modelType, run: trained, told } = await findPublishable(folder);
  if (told !== undefined) process.stderr.write(`${told}\n`);
  const files = await publishable(model);
  // A model folder's own card is kept.
  const written = trained === undefined && existsSync(join(model, 'README.md'));
  const hasAdapter = files.some(({ path }) => path.startsWith('adapter/'));
  const card = written
    ? await readFile(join(model, 'README.md'), 'utf8')
    : modelCard({ repo: name.repo, modelType, hasAdapter, ...(trained && { run: trained }) });
  const readme: UploadFile = {
    path: 'README.md',
    size: Buffer.byteLength(card),
    content: { kind: 'text', text: card },
  };
  const all = [readme, ...files];
  if (options.dryRun) {
    console.log(card);
    for (const { path, size } of all) console.log(`${amount(size).padStart(8)}  ${path}`);
    return;
  }
  const view = new TransferView(process.stderr, () => performance.now());
  const title = trained ? `Model of ${trained.config.settings.environment}, trained with Ludic` : 'Model, with Ludic';
  const { url, created } = await uploadModel(
    { reference, files: all, title, ...(options.private && { visibility: 'private' }) },
    await readHubSettings(process.env),
    { onEvent: (event) => view.show(event) },
  ).finally(() => view.close());
  if (options.private && !created)
    process.stderr.write(`${repository} was there before; who sees it stays as it is.\n`);
  console.log(url);
}
