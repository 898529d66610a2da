// What an agent elsewhere says of its rollout beside asking the policy: what it earned, and that it is done.

import { z } from 'zod';
import { RequestRefused } from './asked.ts';
import type { LeaseDesk } from './lease-desk.ts';

const id = z.string().min(1).max(200).describe('Any name: a request that is sent again with it does not count again');

/** Body of POST …/reward. */
export const rolloutReward = z
  .strictObject({
    id,
    reward: z.number().describe('Added to what was reported before'),
    turn: z
      .int()
      .min(0)
      .optional()
      .describe('The reply of the policy that earned it, from 0; default: the rollout as a whole'),
    metrics: z
      .record(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/), z.number())
      .refine((metrics) => Object.keys(metrics).length <= 100, 'At most 100 are needed.')
      .optional()
      .describe('What the agent measures itself: curves game_NAME'),
  })
  .meta({ id: 'RolloutReward' });

/** Body of POST …/finish. */
export const rolloutFinish = z
  .strictObject({
    id,
    status: z
      .enum(['succeeded', 'failed'])
      .describe('failed: the agent could not do its work, whatever the policy said; the rollout is begun anew'),
    reason: z.string().max(1000).optional().describe('Why it failed'),
  })
  .meta({ id: 'RolloutFinish' });

/** What becomes of either. */
export const rolloutNoted = z
  .object({ status: z.enum(['counted', 'finished', 'repeated']).describe('repeated: this id has been here before') })
  .meta({ id: 'RolloutNoted' });

export const LEASE_OVER = new RequestRefused(
  410,
  'rollout_over',
  'This rollout is over: it was finished, or nothing was heard of its agent for too long. Take the next one.',
);

/** @param turns replies of the policy so far @throws RequestRefused */
export function rewardLease(desk: LeaseDesk, rolloutId: string, turns: number, body: unknown): object {
  const reported = read(rolloutReward, body);
  if (reported.turn !== undefined && reported.turn >= turns)
    throw new RequestRefused(400, 'unknown_turn', `The policy has made ${turns} replies; the first is turn 0.`, 'turn');
  const status = desk.reward(rolloutId, reported);
  if (status === 'over') throw LEASE_OVER;
  if (status === 'too_many')
    throw new RequestRefused(429, 'too_many_rewards', 'This rollout has had too many rewards: add some of them up.');
  return { status };
}

/** @throws RequestRefused */
export function finishLease(desk: LeaseDesk, rolloutId: string, body: unknown): object {
  const { id, status, reason = 'its agent says that it failed' } = read(rolloutFinish, body);
  const done = desk.finish(rolloutId, id, status === 'failed' ? reason : undefined);
  if (done === 'over') throw LEASE_OVER;
  return { status: done };
}

function read<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const { data, error } = schema.safeParse(body);
  if (!error) return data;
  const [issue] = error.issues;
  const field = issue!.path.join('.');
  throw new RequestRefused(400, 'invalid_value', `${field || 'The body'}: ${issue!.message}.`, field || null);
}
