// A file as an HTTP answer: whole or a part, or "you have it already".

import { type FileHandle, lstat, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { ServiceError } from '@ludic/service';
import { parseAccept } from 'hono/utils/accept';
import { errorResponse } from './refusal.ts';

const TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
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
  }),
);

export const mediaType = (path: string) =>
  TYPES.get(path.slice(path.lastIndexOf('.') + 1)) ?? 'application/octet-stream';

/** What may lie beside a file with the same content, the smallest first. */
const ENCODINGS = [
  ['br', 'br'],
  ['gzip', 'gz'],
] as const;

/** The file in an encoding that the client takes, where there is one beside it. */
export async function sendPrecompressed(path: string, request: Request): Promise<Response> {
  const vary = (answer: Response, encoding?: string) => {
    answer.headers.set('Vary', 'Accept-Encoding');
    if (encoding !== undefined && answer.ok) answer.headers.set('Content-Encoding', encoding);
    return answer;
  };
  for (const [encoding, suffix] of ENCODINGS) {
    if (!accepts(request.headers.get('accept-encoding'), encoding)) continue;
    const packed = `${path}.${suffix}`;
    const [found, plain] = await Promise.all([packed, path].map((each) => lstat(each).catch(() => undefined)));
    // One that is older than the file is of another.
    if (!found?.isFile() || !plain || found.mtimeMs < plain.mtimeMs) continue;
    return vary(await sendFile(packed, request, mediaType(path)), encoding);
  }
  return vary(await sendFile(path, request));
}

function accepts(header: string | null, encoding: string): boolean {
  const items = parseAccept(header ?? '');
  return (
    ((items.find(({ type }) => type.toLowerCase() === encoding) ?? items.find(({ type }) => type === '*'))?.q ?? 0) > 0
  );
}

/**
 * Answers a GET or HEAD with a file. What is sent is the file as it was when it was opened, whatever takes its place
 * meanwhile.
 * @throws ServiceError `not_found` where it has gone
 */
export async function sendFile(path: string, request: Request, type = mediaType(path)): Promise<Response> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw gone();
    throw error;
  });
  let isSending = false;
  try {
    const answer = await answerWith(handle, type, request);
    isSending = answer.body !== null && answer.status < 300;
    return answer;
  } finally {
    // A stream closes it when it ends or is given up.
    if (!isSending) await handle.close();
  }
}

async function answerWith(handle: FileHandle, type: string, request: Request): Promise<Response> {
  const found = await handle.stat();
  if (!found.isFile()) throw gone();
  const { size, mtimeMs, ino } = found;
  // Files are replaced as wholes, never changed in place.
  const etag = `"${size.toString(36)}-${Math.round(mtimeMs * 1000).toString(36)}-${ino.toString(36)}"`;
  const headers = { ETag: etag, 'Accept-Ranges': 'bytes', 'Cache-Control': 'no-cache' };
  if (matches(request.headers.get('if-none-match'), etag)) return new Response(null, { status: 304, headers });
  const isHead = request.method === 'HEAD';
  const ifRange = request.headers.get('if-range');
  // Only GET has ranges (RFC 9110, 14.2).
  const wanted = isHead || (ifRange !== null && ifRange !== etag) ? null : request.headers.get('range');
  const range = wanted === null ? undefined : parseRange(wanted, size);
  if (range === 'unsatisfiable') {
    const error = new ServiceError('range_not_satisfiable', `The file has ${size} bytes.`);
    return errorResponse(error, { ...headers, 'Content-Range': `bytes */${size}` });
  }
  const [first, last] = range ?? [0, size - 1];
  const length = last - first + 1;
  const partial = range && { 'Content-Range': `bytes ${first}-${last}/${size}` };
  const answer = {
    status: range ? 206 : 200,
    headers: { ...headers, 'Content-Type': type, ...partial, 'Content-Length': String(length) },
  };
  if (isHead || length === 0) return new Response(null, answer);
  const stream = handle.createReadStream({ start: first, end: last });
  return new Response(Readable.toWeb(stream) as ReadableStream, answer);
}

const gone = () => new ServiceError('not_found', 'There is no such file any more.');

function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}

/**
 * First and last byte of the one range that a header asks for. Undefined, which means the whole file, where the header
 * asks for several or cannot be read: RFC 9110 lets a server ignore it.
 */
export function parseRange(header: string, size: number): readonly [number, number] | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header.trim());
  if (!match) return undefined;
  const [, from, to] = match as unknown as [string, string, string];
  if (from === '') {
    if (to === '') return undefined;
    const count = Math.min(Number(to), size);
    if (count > 0) return [size - count, size - 1];
    // The end of an empty file is there and is nothing, which no range can say.
    return Number(to) > 0 ? undefined : 'unsatisfiable';
  }
  const first = Number(from);
  if (to !== '' && Number(to) < first) return undefined;
  return first >= size ? 'unsatisfiable' : [first, to === '' ? size - 1 : Math.min(Number(to), size - 1)];
}
