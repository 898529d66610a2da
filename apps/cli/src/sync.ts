// ludic sync: sends to Weights & Biases what a run could not send while it trained.

import { deliver } from '@ludic/tracking/node';
import { Command } from 'commander';
import { clock } from './train/tracking.ts';

export function syncCommand(): Command {
  return new Command('sync')
    .description('Send to Weights & Biases what a run could not send while it trained; needs WANDB_API_KEY')
    .argument('<folder>', 'Run that was started with --wandb-project and is not training now')
    .option('--json', 'Print one JSON object')
    .action(async (run: string, { json }: { readonly json?: boolean }) => {
      const say = (line: string) => process.stderr.write(`${line}\n`);
      const { url, steps } = await deliver({ run, environment: process.env, clock, say });
      console.log(
        json ? JSON.stringify({ url, steps }) : `W&B holds ${steps === 1 ? '1 step' : `${steps} steps`} of this run.`,
      );
    });
}
