// Scratchpads that a warm start teaches: what notes look like and when there is something to note, no more. Which are
// worth writing and keeping, and what they are good for, is left to learning by reinforcement: one in four is false.

import type { Environment, EnvironmentDefinition } from '@ludic/environments';
import { isReply, type Policy } from '@ludic/policies';
import type { RandomStream } from '@ludic/random';

/** How often a fact that is seen for the first time is noted. */
const NOTED = 0.9;
/** Share of those that are noted as they are; the others as they are in another game. */
const TRUE_NOTES = 0.75;
/** How often the scratchpad is written anew where nothing new was seen: with a false fact, or empty. */
const REWRITTEN = 0.001;

/** Most lines of what was shown that a scratchpad keeps in games that say no facts. */
const KEPT_LINES = 4;

/** The player, also writing a scratchpad in some of its replies. */
export function withScratchpad(player: Policy, game: EnvironmentDefinition, config: unknown): Policy {
  const other = game.create(config);
  const known = new WeakMap<object, ReadonlySet<string>>();
  return {
    ...player,
    async act(prompts) {
      const replies = await player.act(prompts);
      return replies.map((reply, i) => {
        if (!isReply(reply)) return reply;
        const { messages, random, environment, episode } = prompts[i]!;
        const facts = environment.facts ?? {};
        let notes: readonly string[] | undefined;
        if (Object.keys(facts).length === 0) notes = someLines(messages.at(-1)!.content.split('\n'), random);
        else {
          const seen = new Set(environment.memory.split('\n'));
          const before = known.get(episode);
          known.set(episode, seen);
          // What is known when the game begins (a head start) no prompt has shown: a note of it would be a guess.
          const isNews = (line: string) => before !== undefined && seen.has(line) && !before.has(line);
          const news = Object.keys(facts).filter((kind) => isNews(facts[kind]!));
          notes = someFact(news, environment, other, random);
        }
        return notes === undefined ? reply : { ...reply, text: `${padOf(notes)}${reply.text}` };
      });
    },
  };
}

const CLOSING = '</scratchpad>';
const padOf = (lines: readonly string[]) => `<scratchpad>\n${lines.map((line) => `${line}\n`).join('')}${CLOSING}`;

/** The scratchpad of a taught reply, without what follows it; empty where it has none. */
export const scratchpadPart = (reply: string): string => {
  const end = reply.indexOf(CLOSING);
  return end < 0 ? '' : reply.slice(0, end + CLOSING.length);
};

/** What follows the last scratchpad of a reply. */
export const withoutScratchpads = (reply: string): string => {
  const end = reply.lastIndexOf(CLOSING);
  return end < 0 ? reply : reply.slice(end + CLOSING.length);
};

/** @param news kinds of facts that were seen for the first time; undefined leaves the scratchpad as it is */
function someFact(
  news: readonly string[],
  own: Environment,
  other: Environment,
  random: RandomStream,
): readonly string[] | undefined {
  if (random.nextFloat() >= (news.length > 0 ? NOTED : REWRITTEN)) return undefined;
  other.reset(random.nextInt(2 ** 30));
  const kinds = news.length > 0 ? news : ['', ...Object.keys(other.facts ?? {})];
  const kind = kinds[random.nextInt(kinds.length)]!;
  const game = news.length > 0 && random.nextFloat() < TRUE_NOTES ? own : other;
  return Object.entries(game.facts ?? {}).flatMap(([each, line]) => (each === kind ? [line] : []));
}

/** Lines of what was shown, each kept or dropped at random. The first announces the scratchpad and is never kept. */
function someLines(lines: readonly string[], random: RandomStream): readonly string[] {
  const share = random.nextFloat() * 0.6;
  return lines
    .slice(1)
    .filter(() => random.nextFloat() < share)
    .slice(0, KEPT_LINES);
}
