// Bodies of JSON, read once and within limits: type, size, time, depth. A second call gets the same object, and
// `context.req.json()` parses the same text.

import type { JsonObject } from '@ludic/io';
import type { Context } from 'hono';
import { RefusalError } from './refusal.ts';

interface BodyLimits {
  readonly bytes: number;
  /** From the first look at the body to its end. */
  readonly ms: number;
  readonly depth: number;
}

export const JSON_LIMITS: BodyLimits = { bytes: 1_048_576, ms: 10_000, depth: 32 };

const read = new WeakMap<Request, Promise<JsonObject>>();

/**
 * The body as an object. The first call for a request sets the limits.
 * @throws RefusalError 400, 408, 413 or 415
 */
export function jsonBody(context: Context, limits: BodyLimits = JSON_LIMITS): Promise<JsonObject> {
  const request = context.req.raw;
  let body = read.get(request);
  if (body === undefined) {
    body = readObject(context, limits);
    read.set(request, body);
  }
  return body;
}

async function readObject(context: Context, limits: BodyLimits): Promise<JsonObject> {
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i.test(type.trim()))
    throw new RefusalError(
      'unsupported_media_type',
      'The body must be JSON in UTF-8. Send it with Content-Type: application/json.',
    );
  if ((context.req.header('content-encoding') ?? 'identity').toLowerCase() !== 'identity')
    throw new RefusalError(
      'unsupported_media_type',
      'The body must not be compressed. Send it without Content-Encoding.',
    );
  const text = await readText(context, limits);
  // Hono keeps promises there, whatever its type says.
  (context.req.bodyCache as { text?: Promise<string> }).text = Promise.resolve(text);
  if (deeperThan(text, limits.depth)) throw bad(`The body is nested deeper than ${limits.depth} levels.`);
  let value: unknown;
  let hasProto = false;
  try {
    value = JSON.parse(text, (key, inner) => {
      hasProto ||= key === '__proto__';
      return inner;
    });
  } catch {
    throw bad('The body is no valid JSON.');
  }
  // Schemas would drop it without an error.
  if (hasProto) throw bad('__proto__ is no name of a field.');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('The body must be a JSON object.');
  return value as JsonObject;
}

async function readText(context: Context, { bytes: most, ms }: BodyLimits): Promise<string> {
  const tooLarge = () => new RefusalError('too_large', `The body is larger than ${most} bytes.`);
  if (Number(context.req.header('content-length') ?? 0) > most) throw tooLarge();
  const reader = context.req.raw.body?.getReader();
  if (reader === undefined) return '';
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), ms);
  const chunks: Uint8Array[] = [];
  try {
    for (let length = 0; ; ) {
      const part = await Promise.race([reader.read(), late.promise]);
      if (part === 'late')
        throw new RefusalError('too_slow', `The body took longer than ${ms / 1000} s to arrive.`, {
          connection: 'close',
        });
      if (part.done) break;
      length += part.value.byteLength;
      if (length > most) throw tooLarge();
      chunks.push(part.value);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    if (error instanceof RefusalError) throw error;
    throw bad(
      error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
        ? 'The body is no valid UTF-8.'
        : 'The body broke off.',
    );
  } finally {
    clearTimeout(timer);
    void reader.cancel().catch(() => {});
  }
}

const bad = (message: string) => new RefusalError('bad_request', message);

/** Counts brackets outside strings, before anything walks the value. */
export function deeperThan(text: string, most: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) at++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > most) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}
