// A scripted player as a policy: it looks at the game itself, not at the prompt.

import type { Expert } from '@ludic/environments';
import type { Policy, Prompt, Reply } from './contract.ts';

/** @param makeExpert makes the player of one episode, with a memory of its own */
export function scriptedPolicy(name: string, makeExpert: () => Expert): Policy {
  const experts = new WeakMap<object, Expert>();
  const answer = ({ episode, environment, random }: Prompt): Reply => {
    let expert = experts.get(episode);
    if (!expert) experts.set(episode, (expert = makeExpert()));
    return { text: expert.act(environment, random), finish: 'stop' };
  };
  return {
    name,
    act: async (prompts) => prompts.map(answer),
    dispose() {},
  };
}
