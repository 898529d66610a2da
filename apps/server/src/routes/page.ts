// The browser's app: static files, for everybody. It asks for the password itself when it needs the server.

import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Env, Hono } from 'hono';
import { mediaType, sendPrecompressed } from '../http/send-file.ts';

/** To be registered last: what no other route takes is looked for in the folder. */
export function pageRoutes<E extends Env>(app: Hono<E>, folder: string): void {
  app.get('/*', async (context, next) => {
    const { path } = context.req;
    const wanted = path === '/' ? '/index.html' : path;
    if (!/^(\/[\w-][\w.-]*)+$/.test(wanted)) return next();
    const root = await realpath(folder);
    const file = await realpath(join(root, wanted)).catch(() => undefined);
    if (!file?.startsWith(root + sep)) return next();
    // Files of kinds that pages do not have are not the page's; nano's weights lie among its assets.
    if (mediaType(file) === 'application/octet-stream' && !wanted.startsWith('/assets/')) return next();
    const answer = await sendPrecompressed(file, context.req.raw);
    // The builder writes a hash of the content into the names of assets.
    if (wanted.startsWith('/assets/')) answer.headers.set('Cache-Control', 'public, max-age=31536000, immutable');
    return answer;
  });
}
