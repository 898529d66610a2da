// The settings of training as users name them: each name, its check and its description once. Requests, the help of the
// command line, the OpenAPI document and docs/settings.md are made from here; `decide.ts` says what holds where a
// setting is not named.

import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import { BASE_BITS, PRECISIONS } from '@ludic/models';
import { z } from 'zod';
import { ADVANTAGE_ESTIMATORS, type AdvantageEstimator } from '../advantages/estimator-names.ts';
import { LOSS_TYPES, type LossType } from '../loss/loss-types.ts';
import { AUTO_WARM_START, TEACH } from '../warm-start/plan.ts';
import { IMPORTANCE_SAMPLING_LEVELS, SCALE_REWARDS } from './loss-settings.ts';
import { SCHEDULES } from './schedule.ts';
import { ON_COLLAPSE } from './train-settings.ts';

const whole = (least: number, most: number) => z.int().min(least).max(most);
const number = (least = 0, most = Number.MAX_VALUE) => z.number().min(least).max(most);
const positive = () => z.number().positive();
const share = () => number(0, 1);
const belowOne = () => z.number().min(0).lt(1);

const MOST_STEPS = 10_000_000;

/** Settings at the top of `TrainSettings`, by the snake-case form of their names there. */
export const RUN_FIELDS = {
  history: z.enum(HISTORY_STRATEGIES).describe('What the policy sees of an episode'),
  steps: whole(1, MOST_STEPS).describe('Steps of training, each a batch of episodes'),
  group_size: whole(2, 65_536).describe('Episodes of a group, which start from the identical state'),
  batch_size: whole(2, 65_536).describe('Episodes of a step'),
  shards: whole(1, 4096).describe('Parts of a batch, each computed by itself, so that several workers can share it'),
  seed: whole(0, Number.MAX_SAFE_INTEGER).describe('Seed of all random numbers'),
  learning_rate: positive().max(10).describe('Highest learning rate of AdamW'),
  schedule: z.enum(SCHEDULES).describe('Learning rate schedule'),
  warmup_steps: whole(0, MOST_STEPS).describe('Warmup steps, in which the learning rate rises'),
  final_rate: share().describe('Share of the learning rate that is left at the end of the schedule'),
  temperature: positive().max(100).describe('Sampling temperature'),
  max_completion_length: whole(1, 32_768).describe('Maximum number of tokens of a reply'),
  template_options: z
    .record(z.string().max(100), z.json())
    .describe('Variables of the chat template, such as {"enable_thinking": false}'),
  credit: z
    .enum(ADVANTAGE_ESTIMATORS)
    .describe(
      'Advantage estimator: of the whole episode; of each turn against all turns with its prompt, in the batch or in its group; or of each turn by what it led to, with the rest of the game averaged out: by what was shown next (td), or by what is so, hidden things included (situation)',
    ),
  gae_lambda: share().describe(
    'How far credit by situations looks ahead: 0 one turn, 1 to the end of the game, and between them',
  ),
  discount: positive().max(1).describe('Discount factor: weight of a reward one turn later'),
  note_reward: number().describe(
    'Reward, once a game, for each fact that the scratchpad says truly; a line costs a tenth of it, an untrue one a quarter more',
  ),
  given_notes: share().describe(
    'Share of the games, in evaluations too, whose scratchpad the game writes: facts that the policy has seen',
  ),
  scale_rewards: z
    .enum(SCALE_REWARDS)
    .describe('Divide advantages by the deviation of rewards in the group, in the batch, or not at all'),
  shared_dynamics: z
    .boolean()
    .describe("Share what is random after the start within a group, such as an opponent's dice"),
  resample_rounds: whole(0, 100).describe(
    'Rounds of dynamic sampling, in which groups whose rewards are all equal are replaced',
  ),
  mask_truncated_completions: z.boolean().describe('Learn nothing from replies cut off at the token limit'),
  num_iterations: whole(1, 1000).describe('Passes over each batch'),
  precision: z.enum(PRECISIONS).describe('Number format of matrix products; float16 is faster on a GPU only'),
  token_budget: whole(1, 2 ** 24).describe('Token slots of a micro-batch, padding included'),
  gradient_checkpointing: z
    .boolean()
    .describe('Compute each layer again in the backward pass instead of keeping it: less memory, more time'),
  final_exploration: share().describe('Share of beta and of the entropy coefficient that is left at the last step'),
  eval_every: whole(0, MOST_STEPS).describe('Steps between evaluations; 0: evaluate only at the end'),
  eval_episodes: whole(1, 100_000).describe('Games of an evaluation'),
  eval_temperature: number(0, 100).describe('Sampling temperature of the evaluation'),
  save_every: whole(1, MOST_STEPS).describe('Steps between checkpoints'),
  on_collapse: z
    .enum(ON_COLLAPSE)
    .describe(
      'What to do when the policy has become worse than at the start: end the run with its best model, warn, or go back to the best checkpoint with half the learning rate (at most twice)',
    ),
} as const;

export const LOSS_FIELDS = {
  loss_type: z.enum(LOSS_TYPES).describe('Loss function, and how it is averaged over tokens'),
  importance_sampling_level: z
    .enum(IMPORTANCE_SAMPLING_LEVELS)
    .describe('Probability ratio of each token, or one of each reply'),
  epsilon: belowOne().describe('Lower clip of the probability ratio: 1 − epsilon'),
  epsilon_high: number().describe('Upper clip of the probability ratio: 1 + epsilon_high (cispo: epsilon_high)'),
  delta: number(1).describe('Upper bound of the unclipped probability ratio'),
  beta: number().describe('Weight of the KL term against the first model'),
  entropy_coefficient: number().describe('Weight of the entropy bonus'),
} as const;

export const ADAMW_FIELDS = {
  beta2: belowOne().describe('Decay rate of the second moment of AdamW'),
  weight_decay: number().describe('Weight decay of AdamW; norms and biases have none'),
  max_grad_norm: number().describe('Largest norm of the gradient before it is clipped; 0 does not clip'),
} as const;

export const LORA_FIELDS = {
  lora_rank: whole(1, 4096).describe('Rank of a LoRA adapter, which is trained instead of the model'),
  lora_alpha: positive().describe('Scale alpha of the LoRA adapter (default: twice its rank)'),
  lora_targets: z
    .array(z.string().min(1).max(100))
    .max(100)
    .describe('Layers that the LoRA adapter changes (default: every linear layer but the head)'),
  base_bits: z
    .literal(BASE_BITS)
    .describe(
      'Bits of a weight of the model under a LoRA adapter, 8 or 4: less memory, faster replies on a CPU (default: 32)',
    ),
} as const;

/** What is taught before the first step. The parts that are left out are those of `auto`. */
export const WARM_START_FIELDS = {
  warm_start: z
    .union([
      z.literal('auto'),
      z.strictObject({
        steps: whole(1, MOST_STEPS).optional().describe(`Optimizer steps; ${AUTO_WARM_START.steps} where left out`),
        episodes: whole(1, 65_536).optional().describe(`Games of a step; ${AUTO_WARM_START.episodes} where left out`),
        player: z
          .string()
          .min(1)
          .max(100)
          .optional()
          .describe('Scripted player whose replies are learned; random, where left out, teaches the format alone'),
        teach: z
          .enum(TEACH)
          .optional()
          .describe(
            'What is learned of its replies: all, or the scratchpads that it writes and nothing of what it plays',
          ),
        history: z.enum(HISTORY_STRATEGIES).optional().describe('The player is the model itself, under this history'),
        learning_rate: positive()
          .max(10)
          .optional()
          .describe('Highest rate of AdamW; by the size of the model where left out'),
      }),
    ])
    .describe(
      'Teach the model the format of replies before the first step; auto does so only where nearly all its replies are invalid',
    ),
} as const;

type Fields = Readonly<Record<string, z.ZodType>>;
type Given<F extends Fields> = { readonly [Name in keyof F]?: z.infer<F[Name]> | undefined };
/**
 * The settings of training in one flat object under their snake-case names, as the command line and HTTP have them.
 * What is left out, or undefined, is decided by `decideSettings`. Units and bounds are in docs/settings.md.
 */
export type TrainingFields = Omit<Given<typeof RUN_FIELDS>, 'history' | 'credit'> &
  Omit<Given<typeof LOSS_FIELDS>, 'loss_type'> &
  Given<typeof ADAMW_FIELDS> &
  Given<typeof LORA_FIELDS> & { readonly warm_start?: z.input<typeof WARM_START_FIELDS.warm_start> | undefined } & {
    // A program may have names of its own, which a request may not have.
    readonly history?: HistoryStrategy | undefined;
    readonly credit?: AdvantageEstimator | undefined;
    readonly loss_type?: LossType | undefined;
  };
