// What evaluate and rollout have in common: who plays which game, and how replies are sampled.

import type { EnvironmentDefinition } from '@ludic/environments';
import { RUN_FIELDS } from '@ludic/grpo/internal';
import type { HistoryStrategy } from '@ludic/history';
import type { BaseBits, TemplateOptions } from '@ludic/models';
import type { Policy } from '@ludic/policies';
import { type EnvironmentSpec, type Episode, evaluationStarts, playEpisodes } from '@ludic/rollouts';
import type { Command } from 'commander';
import { agentOption } from '../game-files.ts';
import { adapterOption, baseBitsOption } from '../models/open.ts';
import { type OutsideOptions, POLICY_NAMES } from '../models/outside-policies.ts';
import { type DeviceOption, deviceOption } from './device.ts';
import { fieldOption } from './fields.ts';
import { decimal, historyOption, playedConfigOption, replyLengthOption, whole } from './input.ts';
import { addPlugin } from './plugins.ts';
import { stepTimeoutOption } from './step-timeout.ts';

export interface PlayingOptions extends OutsideOptions {
  readonly model: string;
  readonly env?: string;
  readonly envConfig: string;
  readonly history: HistoryStrategy;
  readonly seed: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly maxCompletionLength: number;
  readonly templateOptions?: TemplateOptions;
  readonly adapter?: string;
  readonly baseBits?: BaseBits;
  readonly device: DeviceOption;
  /** Seconds. */
  readonly stepTimeout: number;
  readonly json?: boolean;
}

export const addPolicyAndGame = (command: Command): Command =>
  command
    .option(
      '--env <id>',
      'Game to play (default: the one that the model was trained in); an id of ludic games, a file such as ./my-game.ts, or a package',
    )
    .addOption(agentOption())
    .option('--model <name>', `Policy that plays: ${POLICY_NAMES}`, 'nano')
    .addOption(adapterOption())
    .addOption(baseBitsOption())
    .addOption(deviceOption())
    .addOption(playedConfigOption());

/** @param trained what a trained model takes instead of the default temperature */
export const addSampling = (
  command: Command,
  { seed, temperature, trained }: { readonly seed: string; readonly temperature: number; readonly trained: string },
): Command =>
  addPlugin(
    command
      .addOption(historyOption())
      .option('--seed <n>', seed, whole(0), 0)
      .option(
        '--temperature <x>',
        `Sampling temperature; 0 takes the most likely token (of a trained model: ${trained})`,
        decimal(0),
        temperature,
      )
      .option('--top-k <n>', 'Sample among the k most likely tokens; 0: all', whole(0), 0)
      .option('--top-p <x>', 'Sample among the most likely tokens that reach this probability', decimal(0, 1), 1)
      .addOption(replyLengthOption())
      .addOption(fieldOption('template_options', RUN_FIELDS.template_options))
      .addOption(stepTimeoutOption()),
  );

/** The game that a seed names, played to its end. */
export async function playOne(
  game: EnvironmentSpec<EnvironmentDefinition>,
  policy: Policy,
  { seed }: Pick<PlayingOptions, 'seed'>,
): Promise<Episode> {
  const [episode] = await playEpisodes({ ...game, policy, starts: evaluationStarts(seed, 1) });
  policy.dispose();
  return episode!;
}
