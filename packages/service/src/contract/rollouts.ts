// Rollouts of agents that are programs of their own: what they are handed.

import { z } from 'zod';

/** Body of POST /jobs/{id}/rollouts. */
export const nextRollout = z
  .strictObject({
    password: z.string().max(1000).optional(),
    wait_seconds: z.number().min(0).max(60).default(20).describe('How long to wait where there is none yet'),
  })
  .meta({ id: 'NextRollout' });

/** Answer to POST /jobs/{id}/rollouts. */
export const handedRollout = z
  .object({
    rollout: z
      .object({
        rollout_id: z.string(),
        task: z.unknown(),
        group: z.string().describe('Rollouts with the same one have the same task, and are compared'),
        attempt: z.int().describe('From 1; above it, an earlier attempt failed'),
        base_url: z.string().describe('For clients of OpenAI; reward and finish are beside it'),
        api_key: z.string().describe('Good for this rollout alone, until it ends'),
        expires_at: z.iso.datetime().describe('Every request of the agent prolongs it'),
      })
      .nullable()
      .describe('null where there was none for so long: ask again'),
  })
  .meta({ id: 'HandedRollout' });
/** Answer to POST /jobs/{id}/rollouts: a rollout for your agent, or null while none waits. */
export type HandedRollout = z.infer<typeof handedRollout>;
