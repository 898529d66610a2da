// The README.md of a published model: what it was trained to do, how, how the learning went, and how good it became.

import type { RunConfig } from '@ludic/grpo/node';
import type { Evaluation } from '@ludic/rollouts';
import { percent } from './evaluate.ts';

/** A line of metrics.jsonl that tells of a step. */
export interface StepLine {
  readonly type: 'step';
  readonly step: number;
  readonly reward: number;
  readonly successRate: number;
  readonly winRate?: number;
  readonly invalidRate: number;
}

/** What is known of the training. */
export interface TrainedIn {
  readonly config: RunConfig;
  readonly steps: readonly StepLine[];
  /** Of the step whose weights are published. */
  readonly evaluation?: Evaluation & { readonly step: number };
}

export interface CardFacts {
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
  const rate = ({ rate: share, interval: [low, high] }: Evaluation['success']) =>
    `${percent(share)} (${percent(low)} to ${percent(high)})`;
  const { outcomes, meanRewardInterval: interval } = evaluation;
  const rows: readonly (readonly [string, string])[] = [
    ['success', rate(evaluation.success)],
    ...(outcomes
      ? ([
          ['won', rate(outcomes.win)],
          ['drawn', rate(outcomes.draw)],
          ['lost', rate(outcomes.loss)],
        ] as const)
      : []),
    ['mean reward', `${evaluation.meanReward.toFixed(3)} (${interval[0].toFixed(3)} to ${interval[1].toFixed(3)})`],
    ['mean steps', evaluation.meanSteps.toFixed(2)],
    ['invalid replies', percent(evaluation.invalidRate)],
  ];
  const settings = `${evaluation.episodes} games at temperature ${config.settings.evalTemperature}, the weights of step ${evaluation.step}, 95 % intervals.`;
  return `## Evaluation\n\n${settings}\n\n${table(['measure', 'value'], rows)}`;
}

/** Means over stretches of about equal length, so that the noise of single steps does not show. */
function curvePart(steps: readonly StepLine[]): string {
  if (steps.length === 0) return '';
  const count = Math.min(ROWS, steps.length);
  const games = steps.every(({ winRate }) => winRate !== undefined);
  const rows = Array.from({ length: count }, (_, row) => {
    const part = steps.slice(Math.floor((row * steps.length) / count), Math.floor(((row + 1) * steps.length) / count));
    const mean = (value: (line: StepLine) => number) => part.reduce((sum, line) => sum + value(line), 0) / part.length;
    const [first, last] = [part[0]!.step, part.at(-1)!.step];
    return [
      first === last ? `${first}` : `${first}–${last}`,
      mean(({ reward }) => reward).toFixed(3),
      percent(mean(({ successRate }) => successRate)),
      ...(games ? [percent(mean(({ winRate }) => winRate!))] : []),
      percent(mean(({ invalidRate }) => invalidRate)),
    ];
  });
  const head = ['steps', 'reward', 'success', ...(games ? ['won'] : []), 'invalid replies'];
  return `## Learning curve\n\nMeans of the games that were played for training.\n\n${table(head, rows)}`;
}

function settingsPart({ settings }: RunConfig): string {
  const json = JSON.stringify(settings, null, 2);
  return `## Settings\n\nEnvironment \`${settings.environment}\` with \`${JSON.stringify(settings.environmentConfig)}\`, history \`${settings.history}\`, ${settings.steps} steps of ${settings.batchSize} games in groups of ${settings.groupSize}, seed ${settings.seed}${settings.lora ? `, LoRA of rank ${settings.lora.rank}` : ''}. All of them:\n\n\`\`\`json\n${json}\n\`\`\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
