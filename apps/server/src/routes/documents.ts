// The description of the service: for programs as an OpenAPI document, for people as a page on which each request can be
// tried. Everything that the page needs is served from here.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ENDPOINTS, openApiDocument, ServiceError } from '@ludic/service';
import type { Hono } from 'hono';
import { sendFile } from '../http/send-file.ts';
import { type Caller, register } from './register.ts';
import { ROLLOUT_ENDPOINTS } from './rollouts.ts';

const swaggerFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const SWAGGER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** What is got here and is no endpoint of the contract. */
export const DOCUMENT_PATHS = ['/docs', '/docs/start.js', ...SWAGGER_FILES.map((file) => `/docs/${file}`)];

const PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Ludic: the service</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png"></head>
<body><div id="docs"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>`;
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null });`;

export function documentRoutes(app: Hono<Caller>, version: string): void {
  const document = JSON.stringify(
    openApiDocument([...Object.values(ENDPOINTS), ...ROLLOUT_ENDPOINTS], {
      title: 'Ludic',
      version,
      description: 'Train language models in text games with GRPO, evaluate them and watch them play.',
    }),
  );
  register(app, ENDPOINTS.openapi, ({ context }) =>
    context.body(document, 200, { 'Content-Type': 'application/json' }),
  );
  app.get('/docs', (context) => context.html(PAGE));
  app.get('/docs/start.js', (context) => context.body(START, 200, { 'Content-Type': 'text/javascript' }));
  app.get('/docs/:file', (context) => {
    const file = context.req.param('file');
    if (!SWAGGER_FILES.includes(file)) throw new ServiceError('not_found', 'The documentation has no such file.');
    return sendFile(join(swaggerFolder, file), context.req.raw);
  });
}
