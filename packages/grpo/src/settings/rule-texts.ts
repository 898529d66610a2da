// The rules of `rules.ts` in words, for docs/settings.md: apart from them, as a page has no use for these texts.

import type { TrainingFields } from './fields.ts';

interface RuleText {
  /** How it is decided. */
  readonly how: string;
  readonly why: string;
}

export const RULE_TEXTS: { readonly [Field in keyof TrainingFields]?: RuleText } = {
  steps: {
    how: '200; for a model of more than 20 million parameters 100',
    why: 'nano has learned most of what it can then; a large model shows whether it learns',
  },
  batch_size: {
    how: '512 for tic_tac_toe and 2048 for key_door with NO_HISTORY and nano; otherwise 256, 64 for more than 20 million parameters; with a named group_size the next multiple of it',
    why: 'as many games as a step of one or two seconds on a calm core has room for: small batches drown in luck',
  },
  group_size: {
    how: '32 for tic_tac_toe, 64 for key_door with NO_HISTORY, otherwise 16, or 8 for more than 20 million parameters; the largest divisor of batch_size up to that',
    why: 'games that begin alike are compared with each other',
  },
  max_completion_length: {
    how: 'with nano 4, or 48 with SCRATCHPAD, and 16 in a game that is not built in; a base model 32 (SCRATCHPAD 96); an instruct model 128',
    why: 'a reply is a tag and a move: longer ones cost time and are cut off',
  },
  template_options: {
    how: '`{"enable_thinking": false}` where the chat template of the model knows it',
    why: 'thoughts are longer than the replies of a game: at the limit of tokens they would be cut off before the move',
  },
  credit: {
    how: 'turn for tic_tac_toe, td for key_door with NO_HISTORY, otherwise group_turn',
    why: 'where equal prompts are common, a turn is compared with turns that saw the same; elsewhere with those of its group',
  },
  discount: {
    how: '1 for tic_tac_toe, 0.9 for key_door with NO_HISTORY, otherwise 0.95',
    why: 'in long games early moves are not to be blamed for all that comes later',
  },
  learning_rate: {
    how: 'nano: 0.002 for tic_tac_toe, 0.003 for key_door with NO_HISTORY, otherwise 0.001; other models 0.001 × (700,000 ÷ parameters)^0.75, ten times that for an adapter, at most 0.002; with a named batch_size below 256 (64 for more than 20 million parameters) less, by the square root of their ratio',
    why: 'measured for nano; the larger a model, the smaller a step it bears (1e-6 at 7 billion parameters in the reports of the field); the fewer games, the more of a step is noise',
  },
  warmup_steps: {
    how: 'an eighth of the steps, at most 5',
    why: "Adam's first steps know little of the gradients' size; a short run cannot wait for long",
  },
  beta: {
    how: '0.2 for tic_tac_toe, 0.05 for key_door with NO_HISTORY, 0.02 for an instruct model, otherwise 0.1',
    why: 'holds the policy near its first model, so that replies stay legal while it learns',
  },
  epsilon_high: {
    how: '0.2; with cispo, whose cap of the ratio it is, 5',
    why: 'a cap of 0.2 would leave cispo a fifth of its gradient',
  },
  final_exploration: {
    how: '0.2',
    why: 'less and less of beta lets the policy settle',
  },
  eval_every: {
    how: 'four evaluations in 200 steps, fewer where batches are small; always one at the end',
    why: 'evaluations play at most a tenth of the games that the training plays',
  },
  eval_episodes: {
    how: 'up to 500, fewer where ten times as many are not trained on',
    why: 'evaluations play at most a tenth of the games that the training plays',
  },
  save_every: {
    how: 'a tenth of the steps, at most 50',
    why: 'what is lost when a run is killed',
  },
  warm_start: {
    how: '`auto`, but for nano in the built-in games: where at least nine of ten replies are invalid, 100 steps of about 40 replies of a random player, who errs at times',
    why: 'a model that does not know the format of replies cannot learn from games: all its replies are refused alike; one that never saw what a game says to a mistake goes on making it',
  },
};
