// ludic worker: plays and learns shards of trainings on other machines.

import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { offeredGamesOption } from '../game-files.ts';
import { whole } from '../options/input.ts';
import { addPlugin } from '../options/plugins.ts';
import { NATS_VARIABLES, natsOf, natsOption } from './nats-option.ts';

interface WorkerCommand {
  readonly nats: string;
  readonly threads?: number;
}

export function workerCommand(): Command {
  const command = new Command('worker')
    .description('Take part in trainings of other machines that meet at a NATS server (ludic train --nats)')
    .addOption(natsOption('NATS server to take shards from, such as nats://192.168.1.10:4222').makeOptionMandatory())
    .option(
      '--threads <n>',
      'CPU threads to use; so many shards at once as the threads of the training go into it (default: one per core)',
      whole(1),
    )
    .addOption(offeredGamesOption('Game of your own that trainings may be in, since a training never sends code'))
    .addHelpText('after', NATS_VARIABLES);
  return addPlugin(command).action(async ({ nats, threads = availableParallelism() }: WorkerCommand) => {
    const controller = new AbortController();
    const stop = () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    const { runWorker } = await import('@ludic/cluster/node');
    const say = (line: string) => process.stdout.write(`${line}\n`);
    try {
      await runWorker({ nats: await natsOf(nats), threads, id: randomUUID(), say, signal: controller.signal });
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    } finally {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    }
  });
}
