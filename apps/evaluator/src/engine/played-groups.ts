// The first groups of a step, as much of them as a page shows: replies, rewards, and what each turn was credited with.

import type { StepReport } from '@ludic/grpo';

const SHOWN = 4;

export interface PlayedTurn {
  readonly reply: string;
  readonly reward: number;
  readonly advantage: number;
  readonly invalid: boolean;
}

export interface PlayedMember {
  readonly reward: number;
  /** How it ended, in a word. */
  readonly end: string;
  readonly turns: readonly PlayedTurn[];
}

/** Episodes that began alike. */
export interface PlayedGroup {
  /** What they all saw first. */
  readonly observation: string;
  readonly members: readonly PlayedMember[];
}

export function groupsOf(
  { episodes, advantages }: Pick<StepReport, 'episodes' | 'advantages'>,
  groupSize: number,
): readonly PlayedGroup[] {
  const members = episodes.slice(0, SHOWN * groupSize).map(
    ({ turns, reward, outcome, endReason }, i): PlayedMember => ({
      reward,
      end: outcome ?? (endReason === 'terminated' ? 'ended' : endReason),
      turns: turns.map(({ reply, reward, info }, t) => ({
        reply: reply.text,
        reward,
        advantage: advantages[i]![t]!,
        invalid: info.invalid,
      })),
    }),
  );
  const groups: PlayedGroup[] = [];
  for (let at = 0; at < members.length; at += groupSize)
    groups.push({
      observation: episodes[at]!.turns[0]?.observation ?? '',
      members: members.slice(at, at + groupSize),
    });
  return groups;
}
