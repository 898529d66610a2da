// Compresses answers of more than a kilobyte for clients that take it. Hono's middleware goes by the length of an answer, which
// its JSON answers do not have: they are given one first. Streams are left as they are.

import type { Context, MiddlewareHandler, Next } from 'hono';
import { compress } from 'hono/compress';

export function compressLong(): MiddlewareHandler {
  const compressing = compress();
  return (context, next) => compressing(context, () => measured(context, next));
}

async function measured(context: Context, next: Next): Promise<void> {
  await next();
  const { headers } = context.res;
  if (headers.has('content-length') || !headers.get('content-type')?.startsWith('application/json')) return;
  const { byteLength } = await context.res.clone().arrayBuffer();
  context.header('content-length', String(byteLength));
}
