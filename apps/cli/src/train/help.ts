// The help of ludic train: its options in groups, in the order in which they are wanted, and examples.

import type { Command, Option } from 'commander';

/** A test checks that every option is in one group. */
const GROUPS: readonly (readonly [heading: string, names: string])[] = [
  ['The run', 'env agent env-config model history plugin out resume recipe steps seed json'],
  [
    'What a step learns from',
    'batch-size group-size credit gae-lambda discount note-reward given-notes scale-rewards shared-dynamics resample-rounds mask-truncated-completions',
  ],
  ['Sampling', 'temperature max-completion-length template-options'],
  ['Warm start', 'warm-start warm-start-episodes warm-start-player warm-start-teach warm-start-history'],
  [
    'Learning rate and optimizer',
    'learning-rate schedule warmup-steps final-rate beta2 weight-decay max-grad-norm num-iterations',
  ],
  [
    'Loss',
    'loss-type importance-sampling-level epsilon epsilon-high delta beta entropy-coefficient final-exploration reference',
  ],
  ['Adapter (LoRA)', 'lora-rank lora-alpha lora-targets base-bits'],
  ['Evaluation and checkpoints', 'eval-every eval-episodes eval-temperature save-every on-collapse onnx'],
  ['Tracking', 'wandb-project wandb-entity tensorboard'],
  [
    'Machine and memory',
    'device threads workers worker-timeout nats step-timeout shards precision token-budget gradient-checkpointing',
  ],
];

/** Sorts the options into groups; options of no group come last. */
export function groupOptions(command: Command): void {
  const places = new Map(
    GROUPS.flatMap(([heading, names]) => names.split(' ').map((name) => [name, heading] as const)).map(
      ([name, heading], place) => [name, { heading, place }] as const,
    ),
  );
  const placeOf = (name: string) => places.get(name)?.place ?? places.size;
  for (const option of command.options) option.helpGroup(`${places.get(option.name())?.heading ?? 'Other'}:`);
  // Headings stand in the order of their first options.
  (command.options as Option[]).sort((a, b) => placeOf(a.name()) - placeOf(b.name()));
}

export const TRAIN_EXAMPLES = `
Examples:
  train --env tic_tac_toe --out runs/first                      settings chosen for the game and the model
  train --recipe tic-tac-toe-random --out runs/second           settings that are known to train well
  train --out runs/first --resume                               go on with a run that was stopped
  train --env key_door --env-config '{"size": 3}' --out runs/small
  train --agent ./my-agent.ts --out runs/agent                  an agent that asks for chat completions
  train --env tic_tac_toe --model OWNER/NAME --lora-rank 16 --out runs/adapter
  games                                                         what --env and --env-config take
`;
