// The service as one Hono app, made of parts that are opened before and closed after it. It has no port and no process, so
// tests call it as a function.

import { ENDPOINTS, ServiceError } from '@ludic/service';
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { getPath } from 'hono/utils/url';
import type { Logger } from 'pino';
import { type Owners, requireOwner } from './auth/owners.ts';
import type { PasswordAuthenticator } from './auth/password-authenticator.ts';
import { hasBody, requireAuth } from './auth/require-auth.ts';
import { asServiceError } from './failure.ts';
import { accessLog } from './http/access-log.ts';
import type { ProxyTrust } from './http/address.ts';
import { compressLong } from './http/compress-long.ts';
import { functionHost, hostOf } from './http/function-hosts.ts';
import { allowOrigins, safeHeaders } from './http/headers.ts';
import { requireHostName } from './http/host-name.ts';
import { requireHttps } from './http/https.ts';
import { jsonBody } from './http/json-body.ts';
import { errorResponse } from './http/refusal.ts';
import type { InferencePool } from './inference/pool.ts';
import type { Jobs } from './jobs/jobs.ts';
import { Measures } from './measures.ts';
import type { ModelStore } from './models/model-store.ts';
import { type About, aboutRoutes } from './routes/about.ts';
import { chatRoutes } from './routes/chat.ts';
import { DOCUMENT_PATHS, documentRoutes } from './routes/documents.ts';
import { jobRoutes } from './routes/jobs.ts';
import { modelRoutes } from './routes/models.ts';
import { openaiErrors } from './routes/openai-errors.ts';
import { pageRoutes } from './routes/page.ts';
import { playingRoutes } from './routes/playing.ts';
import { type Caller, honoPath } from './routes/register.ts';
import { ROLLOUT_ENDPOINTS, rolloutRoutes } from './routes/rollouts.ts';
import { sharedWork } from './routes/shared-work.ts';

export interface Parts {
  readonly about: About;
  readonly store: ModelStore;
  readonly jobs: Jobs;
  readonly pool: InferencePool;
  readonly authenticator: PasswordAuthenticator;
  readonly owners: Owners;
  readonly trust: ProxyTrust;
  /** Whether a trusted proxy that says nothing of how a request came speaks HTTPS alone. */
  readonly assumeHttps?: boolean;
  /** By which names beside this machine's own the server is called; undefined: any. */
  readonly hostNames?: readonly string[];
  /** `/` of a host such as NAME-start-training.modal.run is that endpoint. */
  readonly functionHosts?: boolean;
  /** Pages of these origins may call. */
  readonly origins: readonly string[];
  readonly logger: Logger;
  /** Where agents reach this server. */
  readonly baseUrl: () => string;
  /** The browser's app, a folder of static files; none where it was not built. */
  readonly pageFolder?: string;
  /** Aborted when the server is about to close: streams that would go on for hours end. */
  readonly closing: AbortSignal;
}

export function createApp(parts: Parts): Hono<Caller> {
  const { about, store, jobs, pool, authenticator, owners, trust, origins, logger, closing } = parts;
  const measures = new Measures({ jobs: () => jobs.counts(), inference: () => pool.status });
  const app = new Hono<Caller>(parts.functionHosts ? { getPath: pathOf } : {});

  app.use(accessLog(logger, trust));
  app.use(async (context, next) => {
    const start = performance.now();
    await next();
    const route = context.get('route') ?? 'none';
    measures.answered(context.req.method, route, context.res.status, (performance.now() - start) / 1000);
  });
  app.use('/v1/*', openaiErrors);
  app.use(requireHostName(parts.hostNames, parts.functionHosts));
  app.use(requireHttps(trust, parts.assumeHttps));
  app.use(safeHeaders());
  app.use(allowOrigins(origins));

  const authenticate = requireAuth(authenticator, trust);
  for (const endpoint of Object.values(ENDPOINTS)) {
    const path = honoPath(endpoint.path);
    const method = endpoint.method.toUpperCase();
    app.on(method, path, async (context, next) => {
      context.set('route', endpoint.path);
      await next();
    });
    // Ranges of a model's file are ranges of the stored bytes.
    if (endpoint !== ENDPOINTS.modelFile) app.on(method, path, compressLong());
    // Inside the compression, where an error can still be rewritten.
    if (path.startsWith('/v1/')) app.on(method, path, openaiErrors);
    if (!('open' in endpoint)) app.on(method, path, authenticate);
    if ('body' in endpoint) {
      app.on(method, path, async (context, next) => {
        const isLeftOut = 'bodyOptional' in endpoint && !hasBody(context);
        context.set('body', isLeftOut ? {} : await jsonBody(context));
        await next();
      });
    }
    if (!('open' in endpoint)) app.on(method, path, requireOwner(owners, endpoint.path));
  }

  app.use('/docs/*', compressLong());
  aboutRoutes(app, about, jobs, measures);
  documentRoutes(app, about.version);
  jobRoutes(app, jobs, owners, closing);
  rolloutRoutes(app, jobs, parts.baseUrl);
  const listAll = sharedWork(() => store.list());
  const list = async (who: string) => (await listAll()).filter(({ name }) => owners.seesModel(name, who));
  modelRoutes(app, store, list, jobs);
  playingRoutes(app, store, pool, jobs);
  chatRoutes(app, store, list, pool, logger);
  if (parts.pageFolder !== undefined) pageRoutes(app, parts.pageFolder);

  const methods = methodsByPath();
  app.notFound((context) => {
    const allowed = methods(context.req.path);
    if (allowed.length === 0) {
      return errorResponse(
        new ServiceError('not_found', 'There is nothing at this address. GET /openapi.json lists what there is.'),
      );
    }
    const error = new ServiceError('method_not_allowed', `This address takes ${allowed.join(', ')}.`);
    return errorResponse(error, { Allow: allowed.join(', ') });
  });
  app.onError((error, context) => {
    if (error instanceof HTTPException) return error.getResponse();
    const known = asServiceError(error, context.get('requestId'));
    // The log keeps the cause; answers to clients name no paths of this machine.
    if (known.code === 'internal') logger.error({ id: context.get('requestId'), err: error }, 'fault');
    else if (known !== error) logger.warn({ id: context.get('requestId'), code: known.code, reason: error.message });
    return errorResponse(known);
  });
  return app;
}

/** The path that a request means, given its host name. */
function pathOf(request: Request): string {
  const path = getPath(request);
  return path === '/' ? (functionHost(hostOf(request.url))?.path ?? path) : path;
}

/** The methods of an address, for answers that list them. GET implies HEAD. */
function methodsByPath(): (path: string) => string[] {
  const documents = DOCUMENT_PATHS.map((path) => ({ path, method: 'get' }));
  const patterns = [...Object.values(ENDPOINTS), ...ROLLOUT_ENDPOINTS, ...documents].map(({ path, method }) => ({
    methods: method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
    pattern: new RegExp(`^${path.replace(/\{(file|model)\}/, '.+').replaceAll(/\{\w+\}/g, '[^/]+')}$`, 's'),
  }));
  return (path) => [...new Set(patterns.flatMap(({ pattern, methods }) => (pattern.test(path) ? methods : [])))];
}
