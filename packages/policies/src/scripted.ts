// A scripted player as a policy: it looks at the game itself, not at the prompt. A player that fails loses its own game.

import { type Expert, reasonOf, watchedPlayer } from '@ludic/environments';
import type { GamePrompt, NoReply, Policy, Reply } from './contract.ts';

/** @param makeExpert makes the player of one episode, with a memory of its own */
export function scriptedPolicy(name: string, makeExpert: () => Expert): Policy {
  const experts = new WeakMap<object, Expert>();
  const answer = ({ episode, environment, random }: GamePrompt): Reply | NoReply => {
    try {
      const text: unknown = watchedPlayer(name, environment, () => {
        let expert = experts.get(episode);
        if (!expert) experts.set(episode, (expert = makeExpert()));
        return expert.act(environment, random);
      });
      if (typeof text === 'string') return { text, finish: 'stop' };
      return { finish: 'failed', error: `The player ${name} answered with no text.` };
    } catch (error) {
      return { finish: 'failed', error: `The player ${name} failed: ${reasonOf(error)}` };
    }
  };
  return {
    name,
    act: async (prompts) => prompts.map(answer),
    dispose() {},
  };
}
