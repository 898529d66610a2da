// For tests whose prompts all get a reply.

import { type GamePrompt, isReply, type Policy, type Reply } from '../src/contract.ts';

export async function answersOf(policy: Pick<Policy, 'act'>, prompts: readonly GamePrompt[]): Promise<Reply[]> {
  const replies = await policy.act(prompts);
  return replies.map((reply) => {
    if (!isReply(reply)) throw new Error(reply.error);
    return reply;
  });
}
