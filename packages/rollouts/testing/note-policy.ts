// A policy whose notes are known: it walks the round trip of KeyDoor, which needs no memory, and writes what it is told to.

import type { Facts } from '@ludic/environments';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import type { Policy } from '@ludic/policies';
import type { RandomStream } from '@ludic/random';

interface Moment {
  readonly facts: Facts;
  readonly random: RandomStream;
  /** From 0. */
  readonly turn: number;
}

/** @param write the scratchpad of a reply; undefined where it leaves the one before */
export function notePolicy(write: (moment: Moment) => string | undefined): Policy {
  const keyDoor = findEnvironment('key_door');
  const walker = keyDoor.experts.tour!(resolveConfig(keyDoor, {}));
  const turns = new WeakMap<object, number>();
  return {
    name: 'notes',
    act: async (prompts) =>
      prompts.map(({ episode, environment, random }) => {
        const turn = turns.get(episode) ?? 0;
        turns.set(episode, turn + 1);
        const note = write({ facts: environment.facts!, random, turn });
        const pad = note === undefined ? '' : `<scratchpad>${note}</scratchpad>`;
        return { text: pad + walker.act(environment, random), finish: 'stop' as const };
      }),
    dispose() {},
  };
}
