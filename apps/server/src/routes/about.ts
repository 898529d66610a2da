// What the service says of itself: health, games, its own description, numbers for Prometheus.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { environments } from '@ludic/environments';
import { ENDPOINTS, openApiDocument, ServiceError } from '@ludic/service';
import type { Hono } from 'hono';
import type { Jobs } from '../jobs/index.ts';
import type { Measures } from '../measures.ts';
import { sendFile } from '../models/send-file.ts';
import { type Caller, register } from './register.ts';

export interface About {
  readonly version: string;
  /** Where models run. */
  readonly device: string;
  readonly gpuAvailable: boolean;
  /** Seconds since the start. */
  readonly uptime: () => number;
}

export function aboutRoutes(app: Hono<Caller>, about: About, jobs: Jobs, measures: Measures): void {
  register(app, ENDPOINTS.health, ({ context }) =>
    context.json({
      status: 'healthy',
      service: 'ludic',
      version: about.version,
      gpu_available: about.gpuAvailable,
      device: about.device,
      uptime_s: Math.round(about.uptime() * 10) / 10,
      jobs: jobs.counts(),
    }),
  );

  register(app, ENDPOINTS.environments, ({ context }) =>
    context.json({
      environments: [...environments.values()].map(({ id, title, description, configSchema }) => ({
        env_type: id,
        title,
        description,
        config_schema: configSchema,
      })),
    }),
  );

  register(app, ENDPOINTS.metrics, async ({ context }) =>
    context.body(await measures.text(), 200, { 'Content-Type': measures.contentType }),
  );

  const document = JSON.stringify(
    openApiDocument(Object.values(ENDPOINTS), {
      title: 'Ludic',
      version: about.version,
      description: 'Train language models in text games with GRPO, evaluate them and watch them play.',
    }),
  );
  register(app, ENDPOINTS.openapi, ({ context }) =>
    context.body(document, 200, { 'Content-Type': 'application/json' }),
  );
  docs(app);
}

const swaggerFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const SWAGGER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Ludic: the service</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png"></head>
<body><div id="docs"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>`;
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null });`;

/** The interactive description, served whole from here. */
function docs(app: Hono<Caller>): void {
  app.get('/docs', (context) => {
    // Swagger UI writes style attributes.
    context.header(
      'Content-Security-Policy',
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    );
    return context.html(PAGE);
  });
  app.get('/docs/start.js', (context) => context.body(START, 200, { 'Content-Type': 'text/javascript' }));
  app.get('/docs/:file', (context) => {
    const file = context.req.param('file');
    if (!SWAGGER_FILES.includes(file)) throw new ServiceError('not_found', 'The documentation has no such file.');
    return sendFile(join(swaggerFolder, file), context.req.raw);
  });
}
