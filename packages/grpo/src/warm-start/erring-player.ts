// A player that errs at times, so that its pupil sees what a game says to a mistake. A pupil that has only seen faultless
// games makes its first mistake, reads words that it does not know, and goes on making mistakes to the end of the game.

import { isReply, type Policy, type Reply } from '@ludic/policies';

export interface ErringPlayer {
  readonly policy: Policy;
  /** Whether a reply was a mistake, and is not to be learned. */
  readonly isMistake: (reply: Reply) => boolean;
}

/**
 * At a share of the turns after the first, the player's reply before is given again, whole (a move that the rules may
 * forbid now) or cut off (no move, or one without its closing tag, which games may take). It is not learned either way. The
 * player is not asked then: what it plans goes on a turn later. Cuts within the opening tag alone, which are always refused,
 * taught worse: a GPT-2 of a million random parameters was left with 24 % invalid replies in KeyDoor instead of 8 % (seed 0).
 */
export function erringPlayer(player: Policy, share: number): ErringPlayer {
  const mistakes = new WeakSet<Reply>();
  const before = new WeakMap<object, Reply>();
  const policy: Policy = {
    ...player,
    async act(prompts, options) {
      const replies = prompts.map(({ episode, random }) => {
        const last = before.get(episode);
        if (!last || random.nextFloat() >= share) return undefined;
        const isCut = random.nextFloat() < 0.5;
        const text = isCut ? last.text.slice(0, Math.floor(random.nextFloat() * last.text.length)) : last.text;
        const mistake = { ...last, text };
        mistakes.add(mistake);
        return mistake;
      });
      const asked = prompts.filter((_, i) => replies[i] === undefined);
      const answers = (await player.act(asked, options)).values();
      return prompts.map(({ episode }, i) => {
        const reply = replies[i] ?? answers.next().value!;
        if (replies[i] === undefined && isReply(reply)) before.set(episode, reply);
        return reply;
      });
    },
  };
  return { policy, isMistake: (reply) => mistakes.has(reply) };
}
