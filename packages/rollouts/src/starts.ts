// Where episodes begin and which random numbers they will see. Everything is named by its place, so adding an episode
// or a group changes no other.

import type { Split } from '@ludic/environments';
import { deriveSeed } from '@ludic/random';

/** All that is random about an episode. The same start and the same policy give the same episode. */
export interface EpisodeStart {
  /** Seed of the opening. */
  readonly seed: number;
  /** Seed of what is random in the game after the opening. */
  readonly dynamicsSeed: number;
  /** Path of the policy's random stream. */
  readonly policyPath: readonly (number | string)[];
  /** What it is played for, see `ResetOptions`. Default: `training`. */
  readonly split?: Split | undefined;
}

/** Which groups of which step. A start is named by step, group and member, however many of them there are. */
export interface GroupStartOptions {
  /** Of the run: every other seed is derived from it. */
  readonly seed: number;
  /** The optimizer step. */
  readonly step: number;
  /** Number of groups. */
  readonly groups: number;
  /** Episodes of each group. */
  readonly groupSize: number;
  /** All members of a group also meet the same dice after the opening. */
  readonly sharedDynamics?: boolean;
  /** Number of the first group: later groups of a step can be drawn without the earlier ones. */
  readonly firstGroup?: number;
}

/** Groups of episodes that start from the identical state, group after group. */
export function groupStarts(options: GroupStartOptions): EpisodeStart[] {
  const { seed, step, groups, groupSize, sharedDynamics = false, firstGroup = 0 } = options;
  const starts: EpisodeStart[] = [];
  for (let group = firstGroup; group < firstGroup + groups; group++) {
    const opening = deriveSeed(seed, 'opening', step, group);
    for (let member = 0; member < groupSize; member++) {
      const dynamicsSeed = sharedDynamics
        ? deriveSeed(seed, 'dynamics', step, group)
        : deriveSeed(seed, 'dynamics', step, group, member);
      starts.push({ seed: opening, dynamicsSeed, policyPath: [seed, 'policy', step, group, member] });
    }
  }
  return starts;
}

/** The `count` episodes of an evaluation from number `from` on: always the same for a seed. */
export function evaluationStarts(seed: number, count: number, from = 0): EpisodeStart[] {
  return Array.from({ length: count }, (_, i) => ({
    seed: deriveSeed(seed, 'evaluation', 'opening', from + i),
    dynamicsSeed: deriveSeed(seed, 'evaluation', 'dynamics', from + i),
    policyPath: [seed, 'evaluation', 'policy', from + i],
    split: 'evaluation',
  }));
}
