// Parts of a training of one's own, by names: what the policy sees, what a turn is credited with, the loss of a token, and
// what is measured of a step. 09-own-parts.ts trains with them.

import type { Plugin } from 'ludic';
import { exp, minimum, mul, neg, stopGradient, sub } from 'ludic/graph';

export default {
  histories: {
    /** The last turn alone. */
    LAST_TURN: ({ systemPrompt, turns, observation }) => {
      const last = turns.at(-1);
      const before = last ? `Before: ${last.observation}\nYou: ${last.reply}\n` : '';
      return [
        { role: 'system', content: systemPrompt },
        { role: 'user', content: before + observation },
      ];
    },
  },
  advantages: {
    /** How much better a game went than the others of its group, by rank: −1 for the worst, 1 for the best. */
    rank: (episodes, groups) =>
      episodes.map(({ reward, turns }, i) => {
        const others = episodes.filter((_, j) => groups[j] === groups[i] && j !== i);
        const better = others.filter((other) => other.reward < reward).length;
        const worse = others.filter((other) => other.reward > reward).length;
        return turns.map(() => (better - worse) / Math.max(1, others.length));
      }),
  },
  losses: {
    /** REINFORCE, each token weighed by its ratio, 2 at most: −min(r, 2)·A·log π. */
    reinforce: {
      averaging: 'batch',
      surrogate({ graph, logprobs, oldLogprobs, advantages }) {
        const ratio = exp(sub(logprobs, oldLogprobs));
        const weight = stopGradient(minimum(ratio, graph.scalar(2)));
        return neg(mul(mul(weight, advantages), logprobs));
      },
    },
  },
  callbacks: {
    /** How long replies are; ends the run where they have become twice as long as at its start. */
    reply_length: {
      afterStep({ episodes, log }) {
        const lengths = episodes.flatMap(({ turns }) => turns.map(({ reply }) => reply.text.length));
        const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
        const tooLong = mean > 2 * (log[0]?.own_reply_length ?? mean);
        return { metrics: { reply_length: mean }, ...(tooLong && { stop: 'replies are twice as long' }) };
      },
    },
  },
} satisfies Plugin;
