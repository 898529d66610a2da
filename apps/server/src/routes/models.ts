// The models of the server: what there is, their files for browsers and other machines, and removal.

import { ENDPOINTS, type Model, ServiceError } from '@ludic/service';
import type { Hono } from 'hono';
import { sendFile } from '../http/send-file.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { ModelStore } from '../models/model-store.ts';
import { type Caller, register } from './register.ts';

/** @param list the models that a person sees */
export function modelRoutes(
  app: Hono<Caller>,
  store: ModelStore,
  list: (who: string) => Promise<Model[]>,
  jobs: Jobs,
): void {
  register(app, ENDPOINTS.models, async ({ who, context }) => context.json({ models: await list(who) }));

  register(app, ENDPOINTS.model, async ({ params, context }) => context.json(await store.describe(params.name)));

  register(app, ENDPOINTS.modelFile, async ({ params, request }) =>
    sendFile(await store.file(params.name, params.file), request),
  );

  register(app, ENDPOINTS.deleteModel, async ({ params, context }) => {
    const { name } = params;
    if (jobs.isNameInUse(name)) {
      throw new ServiceError('conflict', `A job works on ${name}. Cancel it first, or wait for its end.`);
    }
    await store.remove(name);
    return context.json({ name, deleted: true });
  });
}
