// What a policy remembers while it plays: at each turn the lines of its scratchpad, and the facts that the game hides.

import type { Environment, Facts } from '@ludic/environments';
import { readScratchpad } from '@ludic/history';
import { isReply, type Policy } from '@ludic/policies';

/** A turn of a game. Lines are without white space around them, each once, and none is empty. */
export interface NotedTurn {
  /** Before the reply. */
  readonly facts: Facts;
  /** The scratchpad that the policy saw. */
  readonly shown: readonly string[];
  /** The scratchpad that the reply wrote; the one that was shown where it wrote none. */
  readonly written: readonly string[];
}

/** The games of a policy, in the order of their first turns. */
export interface NoteTaking {
  readonly games: Iterable<readonly NotedTurn[]>;
  /** Plays as the policy does, while it is watched. */
  readonly policy: Policy;
}

/** Replies whose lines are kept: small models say the same over and over. */
const KEPT_REPLIES = 10_000;

/** Watches a policy that plays under SCRATCHPAD: the game is looked at with each prompt, and need not be played again. */
export function watchNotes(policy: Policy): NoteTaking {
  const games = new Map<object, NotedTurn[]>();
  const knownPads = new Map<string, readonly string[] | undefined>();
  const padOf = (reply: string): readonly string[] | undefined => {
    if (knownPads.has(reply)) return knownPads.get(reply);
    const lines = readScratchpad(reply)
      ?.split('\n')
      .map((line) => line.trim());
    const pad = lines && [...new Set(lines.filter((line) => line !== ''))];
    if (knownPads.size < KEPT_REPLIES) knownPads.set(reply, pad);
    return pad;
  };
  return {
    get games() {
      return games.values();
    },
    policy: {
      name: policy.name,
      async act(prompts, options) {
        const facts = prompts.map(({ environment }) => factsOf(environment));
        const replies = await policy.act(prompts, options);
        for (const [i, { episode }] of prompts.entries()) {
          const reply = replies[i];
          if (!reply || !isReply(reply)) continue;
          let turns = games.get(episode);
          if (!turns) games.set(episode, (turns = []));
          const before = turns.at(-1);
          const shown = before?.written ?? [];
          const now = before && isSame(before.facts, facts[i]!) ? before.facts : facts[i]!;
          turns.push({ facts: now, shown, written: padOf(reply.text) ?? shown });
        }
        return replies;
      },
      dispose: () => policy.dispose(),
    },
  };
}

function isSame(a: Facts, b: Facts): boolean {
  for (const kind in a) if (a[kind] !== b[kind]) return false;
  for (const kind in b) if (a[kind] === undefined) return false;
  return true;
}

/** None where the game fails to say them: its notes are not judged, and the game goes on. */
function factsOf(environment: Environment): Facts {
  try {
    return environment.facts ?? {};
  } catch {
    return {};
  }
}
