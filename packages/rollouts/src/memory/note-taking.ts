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

/** Watches a policy that plays under SCRATCHPAD: the game is looked at with each prompt, and need not be played again. */
export function watchNotes(policy: Policy): NoteTaking {
  const games = new Map<object, NotedTurn[]>();
  // Of a hundred thousand games each line and each combination of facts is kept once.
  const knownLines = new Map<string, string>();
  const knownFacts = new Map<string, Facts>();
  const onceOf = <T>(known: Map<string, T>, key: string, value: T): T => {
    const kept = known.get(key) ?? value;
    known.set(key, kept);
    return kept;
  };
  const linesOf = (text: string) => {
    const lines = text.split('\n').map((line) => line.trim());
    return [...new Set(lines.filter((line) => line !== ''))].map((line) => onceOf(knownLines, line, line));
  };
  return {
    get games() {
      return games.values();
    },
    policy: {
      name: policy.name,
      async act(prompts, options) {
        const facts = prompts.map(({ environment }) => {
          const now = factsOf(environment);
          return onceOf(knownFacts, JSON.stringify(now), now);
        });
        const replies = await policy.act(prompts, options);
        for (const [i, { episode }] of prompts.entries()) {
          const reply = replies[i];
          if (!reply || !isReply(reply)) continue;
          const turns = games.get(episode) ?? [];
          games.set(episode, turns);
          const shown = turns.at(-1)?.written ?? [];
          const pad = readScratchpad(reply.text);
          const written = pad === undefined ? shown : linesOf(pad);
          turns.push({ facts: facts[i]!, shown, written });
        }
        return replies;
      },
      dispose: () => policy.dispose(),
    },
  };
}

/** None where the game fails to say them: its notes are not judged, and the game goes on. */
function factsOf(environment: Environment): Facts {
  try {
    return environment.facts ?? {};
  } catch {
    return {};
  }
}
