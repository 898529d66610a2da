// OpenAI's addresses, so that clients which speak its language can chat with any model.

import { ENDPOINTS, type Model, ServiceError } from '@ludic/service';
import type { Hono } from 'hono';
import type { Logger } from 'pino';
import { asServiceError } from '../failure.ts';
import { chatCompletions } from '../inference/chat-route.ts';
import type { InferencePool } from '../inference/pool.ts';
import type { ModelStore } from '../models/model-store.ts';
import { type Caller, register } from './register.ts';

/** @param list all models, as the store lists them */
export function chatRoutes(
  app: Hono<Caller>,
  store: ModelStore,
  list: () => Promise<Model[]>,
  pool: InferencePool,
  logger: Logger,
): void {
  const answer = chatCompletions<Caller>(pool, {
    resolveModel: (model) => store.resolve(model),
    refuse: (message, details) => new ServiceError('bad_request', message, { details }),
    explain: (error, context) => {
      const known = asServiceError(error, context.get('requestId'));
      if (known.code === 'internal') logger.error({ id: context.get('requestId'), err: error }, 'fault');
      return known.toJSON().error;
    },
  });
  register(app, ENDPOINTS.chat, async ({ context }) => (await answer(context, async () => {})) as Response);

  register(app, ENDPOINTS.chatModels, async ({ context }) => {
    const models = (await list()).filter(({ status }) => status !== 'empty');
    return context.json({
      object: 'list',
      data: models.map(({ name, modified_at }) => ({
        id: name,
        object: 'model',
        created: Math.floor(Date.parse(modified_at) / 1000),
        owned_by: 'ludic',
      })),
    });
  });
}
