// A conversation that has outgrown the context ends its own game, and no other: what fits is answered.

import type { GamePrompt, NoReply, Reply } from './contract.ts';

/** @param overflowOf why a prompt does not fit; undefined where it does */
export async function answerFitting(
  prompts: readonly GamePrompt[],
  overflowOf: (prompt: GamePrompt) => string | undefined,
  answer: (fitting: readonly GamePrompt[]) => Promise<readonly Reply[]>,
): Promise<(Reply | NoReply)[]> {
  const overflows = prompts.map(overflowOf);
  const fitting = prompts.filter((_, i) => overflows[i] === undefined);
  const replies = (await answer(fitting)).values();
  return overflows.map((error) => (error === undefined ? replies.next().value! : { finish: 'context_full', error }));
}
