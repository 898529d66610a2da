// Scratchpads that a warm start teaches: what a note looks like, and no more. Which notes are worth writing, and what they
// are good for, is left to learning by reinforcement, so some are true and some are not.

import type { Environment, EnvironmentDefinition } from '@ludic/environments';
import { isReply, type Policy } from '@ludic/policies';
import type { RandomStream } from '@ludic/random';

/** Most lines that a taught scratchpad keeps. */
const KEPT_LINES = 4;

/** How often a taught player of a game that says its facts leaves its scratchpad as it is, and how often it empties it. */
const LEAVES = 0.75;
const EMPTIES = 0.05;

/** The player, also writing a scratchpad in some of its replies. */
export function withScratchpad(player: Policy, game: EnvironmentDefinition, config: unknown): Policy {
  const other = game.create(config);
  return {
    ...player,
    async act(prompts) {
      const replies = await player.act(prompts);
      return replies.map((reply, i) => {
        if (!isReply(reply)) return reply;
        const { messages, random, environment } = prompts[i]!;
        const kinds = Object.keys(environment.facts ?? {});
        const notes =
          kinds.length > 0
            ? someFact(kinds, environment, other, random)
            : someLines(messages.at(-1)!.content.split('\n'), random);
        return notes === undefined ? reply : { ...reply, text: `${padOf(notes)}${reply.text}` };
      });
    },
  };
}

const padOf = (lines: readonly string[]) => `<scratchpad>\n${lines.map((line) => `${line}\n`).join('')}</scratchpad>`;

/** One fact of this game or, as often, one of the same kind of another game; undefined leaves the scratchpad as it is. */
function someFact(
  kinds: readonly string[],
  own: Environment,
  other: Environment,
  random: RandomStream,
): readonly string[] | undefined {
  const choice = random.nextFloat();
  if (choice < LEAVES) return undefined;
  if (choice < LEAVES + EMPTIES) return [];
  const kind = kinds[random.nextInt(kinds.length)]!;
  other.reset(random.nextInt(2 ** 30));
  const fact = (random.nextInt(2) === 0 ? own : other).facts?.[kind];
  return fact === undefined ? [] : [fact];
}

/** Lines of what was shown, each kept or dropped at random. The first announces the scratchpad and is never kept. */
function someLines(lines: readonly string[], random: RandomStream): readonly string[] {
  const share = random.nextFloat() * 0.6;
  return lines
    .slice(1)
    .filter(() => random.nextFloat() < share)
    .slice(0, KEPT_LINES);
}
