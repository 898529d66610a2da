// ludic score: prints the log-probability of each token given those before it, to compare with other programs.

import { DEFAULT_ADAMW, DEFAULT_LOSS, Learner } from '@ludic/grpo';
import { readTokenizer } from '@ludic/models';
import { ResidentTensors } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { Command } from 'commander';
import { UsageError } from './failure.ts';
import { adapterOption, modelOption, openCheckpoint, openFiles } from './models/open.ts';

interface ScoreCommand {
  readonly model: string;
  readonly adapter?: string;
  readonly ids?: string;
  readonly text?: string;
  readonly json?: boolean;
}

export function scoreCommand(): Command {
  return new Command('score')
    .description("Print the model's log-probability of each token given those before it, and their mean loss")
    .addOption(modelOption())
    .addOption(adapterOption())
    .option('--ids <list>', 'Token ids with commas between; needs no tokenizer')
    .option('--text <text>', 'Text to score, for a model with a tokenizer')
    .option('--json', 'Print one JSON object {logprobs, loss}')
    .action(async (options: ScoreCommand) => {
      const files = await openFiles(options.model);
      const { config, parameters } = await openCheckpoint(files, options.adapter);
      if ((options.ids === undefined) === (options.text === undefined))
        throw new UsageError('Give either --ids or --text.');
      const ids =
        options.ids !== undefined ? parseIds(options.ids) : (await readTokenizer(files)).encode(options.text!);
      const outside = ids.find((id) => id >= config.vocabSize);
      if (outside !== undefined)
        throw new UsageError(`The token id ${outside} is outside the vocabulary of ${config.vocabSize}.`);
      if (ids.length < 2) throw new UsageError('At least two tokens are needed: the first is only looked back at.');
      if (ids.length > config.maxPositions)
        throw new UsageError(`${ids.length} tokens do not fit the model's ${config.maxPositions} positions.`);
      const runtime = await createRuntime({ device: 'cpu' });
      const learner = new Learner({
        runtime,
        config,
        parameters: await ResidentTensors.of(runtime, parameters),
        objective: DEFAULT_LOSS,
        adamw: DEFAULT_ADAMW,
        temperature: 1,
        tokenBudget: 16_384,
      });
      const { logprobs } = await learner.score([{ prompt: ids.slice(0, 1), completion: ids.slice(1) }]);
      await learner.dispose();
      const values = Array.from(logprobs[0]!);
      const loss = -values.reduce((sum, value) => sum + value, 0) / values.length;
      if (options.json) console.log(JSON.stringify({ logprobs: values, loss }));
      else {
        for (const [i, value] of values.entries())
          console.log(`${String(ids[i + 1]).padStart(8)}  ${value.toFixed(6)}`);
        console.log(`    loss  ${loss.toFixed(6)}`);
      }
    });
}

function parseIds(list: string): Int32Array {
  const numbers = list.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!numbers.every((id) => Number.isInteger(id) && id >= 0))
    throw new UsageError(`--ids wants whole numbers with commas between, such as 1,2,3; not ${list}`);
  return Int32Array.from(numbers);
}
