// A task of your own in a file: data, and how answers are rewarded. A fifth of the sums is kept for evaluations.
// The command line trains in it wherever it lies: ludic train --env ./arithmetic.ts --out runs/arithmetic

import { defineTask } from 'ludic';

const digits = Array.from({ length: 10 }, (_, i) => i);

export default defineTask({
  id: 'arithmetic',
  instruction: 'Add the two numbers.',
  replyTag: 'sum',
  items: digits.flatMap((a) => digits.map((b) => ({ a, b, sum: a + b }))),
  prompt: ({ a, b }) => `${a}+${b}`,
  answer: ({ sum }) => `${sum}`,
  reward: {
    right: (answer, { sum }) => (Number(answer) === sum ? 1 : 0),
    near: { weight: 0.5, reward: (answer, { sum }) => Math.max(0, 1 - Math.abs(Number(answer) - sum) / 10) || 0 },
  },
});
