// OpenAI's addresses, so that clients which speak its language can chat with any model.

import { ENDPOINTS, type Model, ServiceError } from '@ludic/service';
import { openaiError } from '@ludic/service/internal';
import type { Hono } from 'hono';
import type { Logger } from 'pino';
import { asServiceError } from '../failure.ts';
import { answerChat } from '../inference/chat-route.ts';
import type { InferencePool } from '../inference/pool.ts';
import { cachedHubFiles } from '../models/hub-models.ts';
import { shown } from '../models/model-source.ts';
import type { ModelStore } from '../models/model-store.ts';
import { finerReason } from './openai-errors.ts';
import { type Caller, register } from './register.ts';

/** @param list the models that a person sees */
export function chatRoutes(
  app: Hono<Caller>,
  store: ModelStore,
  list: (who: string) => Promise<Model[]>,
  pool: InferencePool,
  logger: Logger,
): void {
  register(app, ENDPOINTS.chat, async ({ body, context }) => {
    const explain = (error: unknown) => {
      const known = asServiceError(error, context.get('requestId'));
      if (known.code === 'internal') logger.error({ id: context.get('requestId'), err: error }, 'fault');
      return openaiError(known, finerReason(error)).error;
    };
    return answerChat(pool, await store.lookUpHere(body.model), body, context, explain);
  });

  register(app, ENDPOINTS.chatModels, async ({ who, context }) => {
    const models = (await list(who)).filter(({ status }) => status !== 'empty');
    return context.json({ object: 'list', data: models.map(listed) });
  });

  register(app, ENDPOINTS.chatModel, async ({ params, context }) => {
    const source = await store.lookUpHere(params.model);
    if (source.from === 'store') return context.json(listed(await store.describe(source.model.name)));
    const { reference } = source;
    if (!(await cachedHubFiles(reference)))
      throw new ServiceError(
        'not_found',
        `${shown(reference)} is not on this server. A chat with it looks at the Hub.`,
      );
    // When it was made is not known here.
    return context.json({ id: reference, object: 'model', created: 0, owned_by: reference.split('/')[0] });
  });
}

const listed = ({ name, modified_at }: Model) => ({
  id: name,
  object: 'model',
  created: Math.floor(Date.parse(modified_at) / 1000),
  owned_by: 'ludic',
});
