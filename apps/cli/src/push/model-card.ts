// The README.md of a published model: its game, evaluation, learning curve and settings.

import type { LoggedStepMetrics } from '@ludic/grpo';
import { settingsToJson } from '@ludic/grpo/internal';
import type { RunConfig } from '@ludic/grpo/node';
import type { Evaluation, Interval } from '@ludic/rollouts';
import { equalParts, percent } from '../units.ts';

type CardStep = Pick<LoggedStepMetrics, 'step' | 'mean_reward' | 'success_rate' | 'win_rate' | 'invalid_rate'>;

/** The training of the model. */
export interface TrainedIn {
  readonly config: RunConfig;
  readonly steps: readonly CardStep[];
  /** Of the step whose weights are published. */
  readonly evaluation?: Evaluation & { readonly step: number };
}

interface CardFacts {
  /** org/name */
  readonly repo: string;
  /** Family, such as `llama`, as config.json names it. */
  readonly modelType: string;
  readonly run?: TrainedIn;
  readonly hasAdapter: boolean;
}

/** Rows of the learning curve. */
const ROWS = 10;

export function modelCard({ repo, modelType, run, hasAdapter }: CardFacts): string {
  const base = run && /^[\w.-]+\/[\w.-]+(@|$)/.test(run.config.model) ? run.config.model.split('@')[0] : undefined;
  const tags = run ? ['ludic', 'grpo', 'reinforcement-learning'] : ['ludic'];
  const front = [
    '---',
    'library_name: transformers',
    'pipeline_tag: text-generation',
    ...(base ? [`base_model: ${base}`] : []),
    'tags:',
    ...tags.map((tag) => `- ${tag}`),
    '---',
  ].join('\n');
  const parts = [
    front,
    `# ${repo.split('/')[1]}`,
    run
      ? `A language model of the family ${modelType}, trained with Ludic to play the text game \`${run.config.settings.environment}\` by reinforcement learning (GRPO). It began as \`${run.config.model}\`.`
      : `A language model of the family ${modelType}, published with Ludic.`,
    ...(hasAdapter ? ['`adapter/` holds the LoRA adapter in PEFT layout; in `model.safetensors` it is merged.'] : []),
    ...(run ? [evaluationPart(run), curvePart(run.steps), settingsPart(run.config)] : []),
    `## Use\n\n\`\`\`python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\nmodel = AutoModelForCausalLM.from_pretrained("${repo}")\ntokenizer = AutoTokenizer.from_pretrained("${repo}")\n\`\`\``,
    ...(run ? [`\`\`\`\nnpm run ludic -- evaluate --model ${repo} ${gameWords(run.config)}\n\`\`\``] : []),
    '## Licence\n\nNot specified.',
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function gameWords({ settings }: RunConfig): string {
  const config = JSON.stringify(settings.environmentConfig);
  return [
    `--env ${settings.environment}`,
    ...(config === '{}' ? [] : [`--env-config '${config}'`]),
    `--history ${settings.history}`,
    `--max-completion-length ${settings.maxCompletionLength}`,
  ].join(' ');
}

function evaluationPart({ evaluation, config }: TrainedIn): string {
  if (!evaluation) return '';
  const rate = (name: string, share: number | undefined, interval: Interval | undefined): [string, string][] =>
    share === undefined || interval === undefined
      ? []
      : [[name, `${percent(share)} (${percent(interval[0])} to ${percent(interval[1])})`]];
  const [low, high] = evaluation.mean_reward_ci95;
  const rows: readonly (readonly [string, string])[] = [
    ...rate('success', evaluation.success_rate, evaluation.success_ci95),
    ...rate('won', evaluation.win_rate, evaluation.win_ci95),
    ...rate('drawn', evaluation.draw_rate, evaluation.draw_ci95),
    ...rate('lost', evaluation.loss_rate, evaluation.loss_ci95),
    ['mean reward', `${evaluation.mean_reward.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`],
    ['mean steps', evaluation.mean_steps.toFixed(2)],
    ['invalid replies', percent(evaluation.invalid_rate)],
  ];
  const settings = `${evaluation.total_episodes} games at temperature ${config.settings.evalTemperature}, the weights of step ${evaluation.step}, 95 % intervals.`;
  return `## Evaluation\n\n${settings}\n\n${table(['measure', 'value'], rows)}`;
}

/** Means over equal shares of the steps, which hide the noise of single steps. */
function curvePart(steps: readonly CardStep[]): string {
  if (steps.length === 0) return '';
  const games = steps.every(({ win_rate }) => win_rate !== undefined);
  const rows = equalParts(steps, Math.min(ROWS, steps.length)).map((part) => {
    const mean = (value: (line: CardStep) => number) => part.reduce((sum, line) => sum + value(line), 0) / part.length;
    const [first, last] = [part[0]!.step, part.at(-1)!.step];
    return [
      first === last ? `${first}` : `${first}–${last}`,
      mean(({ mean_reward }) => mean_reward).toFixed(3),
      percent(mean(({ success_rate }) => success_rate)),
      ...(games ? [percent(mean(({ win_rate }) => win_rate!))] : []),
      percent(mean(({ invalid_rate }) => invalid_rate)),
    ];
  });
  const head = ['steps', 'mean reward', 'success', ...(games ? ['won'] : []), 'invalid replies'];
  return `## Learning curve\n\nMeans of the games that were played for training.\n\n${table(head, rows)}`;
}

function settingsPart({ settings }: RunConfig): string {
  const json = JSON.stringify(settingsToJson(settings), null, 2);
  return `## Settings\n\nEnvironment \`${settings.environment}\` with \`${JSON.stringify(settings.environmentConfig)}\`, history \`${settings.history}\`, ${settings.steps} steps of ${settings.batchSize} games in groups of ${settings.groupSize}, seed ${settings.seed}${settings.lora ? `, LoRA of rank ${settings.lora.rank}` : ''}. All of them:\n\n\`\`\`json\n${json}\n\`\`\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
