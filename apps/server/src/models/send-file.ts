// A file as an HTTP answer: whole or a part, or "you have it already".

import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { ServiceError } from '@ludic/service';

const TYPES: Readonly<Record<string, string>> = {
  json: 'application/json',
  txt: 'text/plain; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  wasm: 'application/wasm',
  svg: 'image/svg+xml',
  png: 'image/png',
  ico: 'image/x-icon',
};

export const mediaType = (path: string) => TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream';

/**
 * Answers a GET or HEAD with a file.
 * @throws ServiceError `range_not_satisfiable`
 */
export async function sendFile(path: string, request: Request): Promise<Response> {
  const handle = await open(path, 'r');
  try {
    const { size, mtimeMs, ino } = await handle.stat();
    // Files are replaced as wholes, never changed in place.
    const etag = `"${size.toString(36)}-${Math.round(mtimeMs * 1000).toString(36)}-${ino.toString(36)}"`;
    const headers = {
      ETag: etag,
      'Accept-Ranges': 'bytes',
      'Content-Type': mediaType(path),
      'Cache-Control': 'no-cache',
    };
    if (matches(request.headers.get('if-none-match'), etag)) {
      await handle.close();
      return new Response(null, { status: 304, headers });
    }
    const ifRange = request.headers.get('if-range');
    const wanted = ifRange === null || ifRange === etag ? request.headers.get('range') : null;
    const range = wanted === null ? undefined : parseRange(wanted, size);
    if (range === 'unsatisfiable') {
      throw new ServiceError('range_not_satisfiable', `The file has ${size} bytes.`);
    }
    const [first, last] = range ?? [0, size - 1];
    const length = last - first + 1;
    const partial = range ? { 'Content-Range': `bytes ${first}-${last}/${size}` } : {};
    const answer = {
      status: range ? 206 : 200,
      headers: { ...headers, ...partial, 'Content-Length': String(length) },
    };
    if (request.method === 'HEAD' || length === 0) {
      await handle.close();
      return new Response(null, answer);
    }
    const stream = handle.createReadStream({ start: first, end: last });
    return new Response(Readable.toWeb(stream) as ReadableStream, answer);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}

/**
 * First and last byte of the one range that a header asks for. Undefined, which means the whole file, where the header
 * asks for several or cannot be read: RFC 9110 lets a server ignore it.
 */
export function parseRange(header: string, size: number): readonly [number, number] | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim());
  if (!match) return undefined;
  const [, from, to] = match as unknown as [string, string, string];
  if (from === '' && to === '') return undefined;
  if (from === '') {
    const count = Math.min(Number(to), size);
    return count === 0 ? 'unsatisfiable' : [size - count, size - 1];
  }
  const first = Number(from);
  if (to !== '' && Number(to) < first) return undefined;
  return first >= size ? 'unsatisfiable' : [first, to === '' ? size - 1 : Math.min(Number(to), size - 1)];
}
