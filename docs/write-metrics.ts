// npm run metrics: writes docs/metrics.md from the tables of keys.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOGGED_STEP_METRICS } from '../packages/grpo/src/index.ts';
import { SAMPLED_METRICS } from '../packages/grpo/src/internal.ts';
import {
  EVALUATION_METRICS,
  type Metric,
  NOTES_METRICS,
  NOTES_METRICS_OF_KIND,
} from '../packages/rollouts/src/index.ts';

type Table = Readonly<Record<string, Metric>>;

function rowsOf(table: Table): string {
  const rows = Object.entries(table).map(([key, { unit, type, meaning, optional }]) => {
    const value = type === 'interval' ? `interval, ${unit}` : unit;
    return `| \`${key}\` | ${value} | ${meaning.replaceAll('|', '\\|')} | ${optional ? 'yes' : ''} |`;
  });
  return `| key | unit | what it is | may be absent |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

export function metricsDocument(): string {
  return `<!-- Made by \`npm run metrics\` from the tables of packages/rollouts and packages/grpo. -->

# Metrics

One key for one number, wherever it is told:

| place | how |
| --- | --- |
| \`metrics.jsonl\` of a run | a line \`{"type": "step", …}\` for each step and \`{"type": "evaluation", …}\` for each evaluation |
| \`onEvent\` of the library | \`event.metrics\` of a step, \`event.evaluation\` of an evaluation |
| HTTP | \`GET /jobs/{job_id}/metrics\` (\`steps\`, \`evaluations\`), the events \`step\` and \`evaluation\`, \`latest\` of a job, \`results\` of an evaluation |
| Weights & Biases, TensorBoard | \`train/KEY\` of a step, \`eval/KEY\` of an evaluation: numbers, without texts and intervals |
| command line | \`evaluate --json\` (\`results\`), \`train --json\` (\`results\`), \`runs show --json\` (\`log\`) |

A share lies between 0 and 1. An interval is \`[low, high]\`, at 95 %. Rewards are those of the game.

Runs that were written with other keys still open: \`ludic runs\`, \`--resume\`, \`sync\`, the server and the page read their
lines under the keys below. In W&B, rows that were sent before keep the names that they were sent with: \`train/reward\` is
now \`train/mean_reward\`, \`train/turns\` is \`train/mean_steps\`, \`eval/episodes\` is \`eval/total_episodes\` and
\`eval/invalid_episodes_rate\` is \`eval/invalid_episode_rate\`. Events and \`latest\` of a job keep the keys that they were stored
with.

## A step of a training

${rowsOf(LOGGED_STEP_METRICS)}
What callbacks measure of a step stands beside these as \`own_NAME\` ([own-parts.md](own-parts.md)).

## An evaluation

${rowsOf(EVALUATION_METRICS)}
Under SCRATCHPAD in a game that says what it hides (KeyDoor) an evaluation measures the notes as well; how to read that is in
[memory.md](memory.md). Turns are those after the first of a game.

${rowsOf(NOTES_METRICS)}
These are there for each kind of fact of the game, and end in its name: \`notes_true_rate_door\`, \`notes_true_rate_key\`.

${rowsOf(NOTES_METRICS_OF_KIND)}
A game may measure numbers of its own ([environments](../packages/environments/README.md#numbers-of-its-own)). Each is a metric
\`game_NAME\` of steps and of evaluations: the mean over games of what a game adds up to, absent where no game says it. In
dashboards it is \`train/game_NAME\` and \`eval/game_NAME\`.

In a run a line of an evaluation also has \`step\`, \`temperature\`, \`seconds\` and \`best\` (whether it is the best so far), and,
where the training samples at another temperature, the games of that step beside it:

${rowsOf(SAMPLED_METRICS)}`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(join(import.meta.dirname, 'metrics.md'), metricsDocument());
