// Policies of KeyDoor whose notes are known: they write what they are told to, and walk the round trip that needs no memory,
// or by their notes.

import { type Facts, findEnvironment, resolveConfig } from '@ludic/environments';
import type { Policy } from '@ludic/policies';
import type { RandomStream } from '@ludic/random';

interface Moment {
  readonly facts: Facts;
  readonly random: RandomStream;
  /** From 0. */
  readonly turn: number;
}

const keyDoor = findEnvironment('key_door');
const config = resolveConfig(keyDoor, {});
const tour = keyDoor.experts.tour!(config);
const omniscient = keyDoor.experts.omniscient!(config);

/**
 * @param write the scratchpad of a reply; undefined where it leaves the one before
 * @param reads whether it goes straight to key and door where the prompt holds the true note of the door
 */
export function notePolicy(write: (moment: Moment) => string | undefined, reads = false): Policy {
  const turns = new WeakMap<object, number>();
  return {
    name: 'notes',
    act: async (prompts) =>
      prompts.map(({ episode, environment, random, messages }) => {
        const turn = turns.get(episode) ?? 0;
        turns.set(episode, turn + 1);
        const facts = environment.facts!;
        const note = write({ facts, random, turn });
        const pad = note === undefined ? '' : `<scratchpad>${note}</scratchpad>`;
        const knows = reads && messages.some(({ content }) => content.includes(facts.door!));
        return { text: pad + (knows ? omniscient : tour).act(environment, random), finish: 'stop' as const };
      }),
    dispose() {},
  };
}
