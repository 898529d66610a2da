// npm run settings: writes docs/settings.md from the schemas and from the rules that decide what is not named.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ADAMW_FIELDS,
  DEFAULT_FIELDS,
  LORA_FIELDS,
  LOSS_FIELDS,
  PRESETS,
  RECIPES,
  RULE_TEXTS,
  RUN_FIELDS,
  WARM_START_FIELDS,
} from '../packages/grpo/src/internal.ts';
import { CONTRACT_DEFAULTS } from '../packages/service/src/index.ts';

const HTTP_NAMES: Readonly<Record<string, string>> = { steps: 'max_steps', history: 'history_strategy' };
const FIXED: Readonly<Record<string, unknown>> = DEFAULT_FIELDS;
const CONTRACT: Readonly<Record<string, unknown>> = CONTRACT_DEFAULTS;
const FOLLOWS: Readonly<Record<string, string>> = {
  group_size: 'the largest divisor of the batch up to 8',
  shards: 'as `tensor_parallel_size`',
  eval_every: 'as with `auto`',
  eval_episodes: 'as with `auto`',
};

const code = (value: unknown) =>
  value === undefined ? '' : `\`${typeof value === 'object' ? JSON.stringify(value) : value}\``;
const cell = (text: string) => text.replaceAll('|', '\\|');

export function settingsDocument(): string {
  const parts = Object.entries({
    'The run': RUN_FIELDS,
    'The loss': LOSS_FIELDS,
    Optimizer: ADAMW_FIELDS,
    Adapter: LORA_FIELDS,
    'Warm start': WARM_START_FIELDS,
  }).map(([title, fields]) => {
    const rows = Object.entries(fields).map(([name, schema]) => {
      const rule = RULE_TEXTS[name as keyof typeof RULE_TEXTS];
      const http = HTTP_NAMES[name] ?? name;
      const decided = rule ? `${rule.how}. ${rule.why[0]!.toUpperCase()}${rule.why.slice(1)}` : code(FIXED[name]);
      const plain = FOLLOWS[name] ?? code(CONTRACT[http] ?? FIXED[name]);
      const names = `\`--${name.replaceAll('_', '-')}\`${http === name ? '' : `, HTTP \`${http}\``}`;
      return `| ${[names, schema.description ?? '', decided, plain].map(cell).join(' | ')} |`;
    });
    return `## ${title}\n\n| setting | what it is | where it is not named (\`auto\`) | HTTP without a recipe |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  const recipes = Object.entries(RECIPES).map(([name, { title }]) => `- \`${name}\`: ${title}`);
  const presets = PRESETS.map(({ where, environmentConfig, fields, reason }) => {
    const named = Object.entries({ ...environmentConfig, ...fields }).map(([name, value]) => `\`${name}\` ${value}`);
    return `- ${where}: ${named.join(', ')}: ${reason}`;
  });
  return `<!-- Made by \`npm run settings\` from packages/grpo/src/settings. -->

# Settings of a training

What is named is kept. \`ludic train\`, the library's \`decideSettings\`, the page and HTTP requests with
\`"recipe": "auto"\` choose the rest for the game, the history and the model, by the rules below, and say what they chose.
HTTP requests without a recipe have the contract's defaults, in the last column. On the command line a setting is called
\`--batch-size\`, over HTTP \`batch_size\`.

The game: \`invalid_penalty\`, where a game has it and it is not named, is 0.3 for tic_tac_toe and 0.1 elsewhere: without a
price, a reply that the game refuses can pay more than a move that loses. Over HTTP without a recipe it is the game's own
default, and \`rollout_max_steps\` is 50 or the game's own cut-off, whichever is shorter.

The best checkpoint is the one with the highest score: the mean reward of its evaluation, or, where that is at another
temperature than the training, the mean of it and of the mean reward of that step's own games. Temperature 0 shows what a
policy holds likeliest; in a game that hides part of its state that can lead round in circles, so both count.

Named recipes (\`--recipe NAME\`, \`"recipe": "NAME"\`); what they leave out has its fixed default:

${recipes.join('\n')}

What programs of Ludic name themselves; the rest is decided as for every user:

${presets.join('\n')}

${parts.join('\n')}`;
}

if (process.argv[1] === import.meta.filename)
  writeFileSync(join(import.meta.dirname, 'settings.md'), settingsDocument());
