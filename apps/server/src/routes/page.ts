// The browser's app: static files, for everybody. It asks for the password itself when it needs the server.

import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Hono } from 'hono';
import { mediaType, sendFile } from '../models/send-file.ts';
import type { Caller } from './register.ts';

/** To be registered last: what no other route takes is looked for in the folder. */
export function pageRoutes(app: Hono<Caller>, folder: string): void {
  app.get('/*', async (context, next) => {
    const { path } = context.req;
    const wanted = path === '/' ? '/index.html' : path;
    if (!/^(\/[\w-][\w.-]*)+$/.test(wanted)) return next();
    const root = await realpath(folder);
    const file = await realpath(join(root, wanted)).catch(() => undefined);
    if (!file?.startsWith(root + sep)) return next();
    // Assets may be anything, such as a model's weights; beside them lie files that are not for visitors.
    if (!wanted.startsWith('/assets/') && mediaType(file) === 'application/octet-stream') return next();
    const answer = await sendFile(file, context.req.raw);
    // The builder writes a hash of the content into the names of assets.
    if (wanted.startsWith('/assets/')) answer.headers.set('Cache-Control', 'public, max-age=31536000, immutable');
    return answer;
  });
}
