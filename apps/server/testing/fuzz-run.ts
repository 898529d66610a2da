// Sends fuzz requests to a server, several at a time, and what no client library would send beside them; says what is
// wrong with the answers and how long they took.

import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { errorAnswer } from '@ludic/service';
import fc from 'fast-check';
import { complaint, type FuzzRequest, fuzzRequests, JOB } from './fuzz.ts';

export interface FuzzTarget {
  readonly url: string;
  readonly password: string;
  /** Texts that no answer may hold. */
  readonly secrets: readonly string[];
}

export interface FuzzPlan {
  readonly requests: number;
  readonly seed: number;
  /** How often each of the special requests is sent. */
  readonly specials: number;
  /** Whether bodies that take longer than the server waits are among them. */
  readonly slow: boolean;
}

export interface FuzzReport {
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests that were answered with success, by route. */
  readonly accepted: Readonly<Record<string, number>>;
  /** What is wrong, with what was sent. */
  readonly complaints: readonly string[];
  /** Milliseconds from the body's end to the answer's, but for accepted evaluations, games and chats. */
  readonly ms: readonly number[];
  /** The slowest, with what was sent. */
  readonly slowest: readonly { readonly ms: number; readonly sent: string }[];
}

interface Answer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly text: string;
  readonly ms: number;
}

const TOGETHER = 8;
/** How long a stream of events is listened to. */
const LISTEN_MS = 100;
const COMPUTING = ['/evaluate-policy', '/generate-rollout', '/v1/chat/completions'];
const LARGE = 20 * 2 ** 20;

/** @param onProgress hears how many have been answered */
export async function runFuzz(
  target: FuzzTarget,
  plan: FuzzPlan,
  onProgress: (done: number) => void | Promise<void> = () => {},
): Promise<FuzzReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: TOGETHER });
  const send = (each: FuzzRequest) => sendOne(target.url, agent, each);
  const document = JSON.parse((await send(plain('GET', '/openapi.json', target.password))).text);
  const drawn = fc.sample(fuzzRequests(document, target.password), { numRuns: plan.requests, seed: plan.seed });
  const queue = [...RIGHT.map(([route, body]) => plain('POST', route, target.password, body)), ...drawn];
  const statuses: Record<string, number> = {};
  const accepted: Record<string, number> = {};
  const complaints: string[] = [];
  const times: { ms: number; sent: string }[] = [];
  let job = 'train-0';
  let done = 0;

  const one = async (drawn: FuzzRequest) => {
    const sent = { ...drawn, address: drawn.address.replaceAll(JOB, job) };
    const shown = `${sent.method} ${sent.address.slice(0, 120)} ${Buffer.from(sent.body ?? [])
      .toString()
      .slice(0, 300)}`;
    try {
      const answer = await send(sent);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      const isAccepted = answer.status < 300;
      if (isAccepted) accepted[`${sent.method} ${sent.route}`] = (accepted[`${sent.method} ${sent.route}`] ?? 0) + 1;
      const wrong = complaint(sent, answer, document, target.secrets);
      if (wrong) complaints.push(`${wrong}: ${answer.status} ${answer.text.slice(0, 200)} to ${shown}`);
      if (!(isAccepted && COMPUTING.includes(sent.route)))
        times.push({ ms: answer.ms, sent: `${answer.status} ${shown}` });
      if (answer.status === 202 && sent.method === 'POST') {
        job = String(JSON.parse(answer.text).job_id);
        await send(plain('POST', `/jobs/${job}/cancel`, target.password));
      }
    } catch (error) {
      complaints.push(`no answer (${(error as Error).message}) to ${shown}`);
    }
    if (++done % 500 === 0) await onProgress(done);
  };

  const specials = SPECIALS.filter(({ isSlow }) => plan.slow || !isSlow).flatMap((special) =>
    Array.from({ length: plan.specials }, () => async () => {
      const text = await special.send(target).catch((error: Error) => `closed: ${error.message}`);
      const wrong = whatIsWrong(text, special.statuses, target.secrets);
      if (wrong) complaints.push(`${wrong}: ${JSON.stringify(text.slice(0, 200))} to ${special.name}`);
    }),
  );
  const every = Math.max(1, Math.floor(queue.length / Math.max(1, specials.length)));
  const work = queue.flatMap((each, i) => {
    const special = i % every === 0 ? specials[i / every] : undefined;
    return special ? [() => one(each), special] : [() => one(each)];
  });
  const next = work.values();
  const worker = async () => {
    for (const task of next) await task();
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
  agent.destroy();
  times.sort((a, b) => b.ms - a.ms);
  return { statuses, accepted, complaints, ms: times.map(({ ms }) => ms), slowest: times.slice(0, 5) };
}

/** Requests that are right, and go first: what is drawn may be refused, all of it. */
const GAME = { env_type: 'tic_tac_toe', max_steps: 2 };
const RIGHT: readonly (readonly [route: string, body: object])[] = [
  ['/generate-rollout', { ...GAME, model_path: 'nano' }],
  ['/evaluate-policy', { ...GAME, model_path: 'nano', eval_episodes: 1 }],
  ['/start-training', { ...GAME, model_name: 'nano', output_dir: 'right', batch_size: 2, group_size: 2 }],
  ['/v1/chat/completions', { model: 'nano', messages: [{ role: 'user', content: 'Your move.' }], max_tokens: 2 }],
];

const plain = (method: string, address: string, password: string, body?: object): FuzzRequest => ({
  method,
  route: address,
  address,
  headers: { authorization: `Bearer ${password}`, ...(body && { 'content-type': 'application/json' }) },
  body: body && Buffer.from(JSON.stringify(body)),
});

function sendOne(url: string, agent: Agent, { method, address, headers, body }: FuzzRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { hostname, port } = new URL(url);
  // Node's client would send a HEAD with a body and no word of its length.
  const length = body && { 'content-length': String(body.length) };
  let start = performance.now();
  const sent = request(
    { hostname, port, agent, method, path: address, headers: { ...headers, ...length } },
    (answer) => {
      const parts: Buffer[] = [];
      const contentType = answer.headers['content-type'];
      const finish = () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: answer.statusCode!, contentType, text, ms: performance.now() - start });
      };
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', finish);
      answer.on('error', reject);
      if (contentType === 'text/event-stream' && method !== 'HEAD')
        setTimeout(() => {
          finish();
          answer.destroy();
        }, LISTEN_MS);
    },
  );
  sent.on('error', reject);
  sent.on('finish', () => {
    start = performance.now();
  });
  sent.end(body);
  return promise;
}

interface Special {
  readonly name: string;
  /** That are right; none: the connection may also be closed without an answer. */
  readonly statuses: readonly (number | 'none')[];
  readonly isSlow?: true;
  readonly send: (target: FuzzTarget) => Promise<string>;
}

const head = (line: string, { password }: FuzzTarget, ...headers: readonly string[]) =>
  [`${line} HTTP/1.1`, 'Host: 127.0.0.1', `Authorization: Bearer ${password}`, ...headers, '', ''].join('\r\n');
const POST = 'POST /generate-rollout';
const JSON_TYPE = 'Content-Type: application/json';

/** What clients do that are broken, malicious or gone. */
const SPECIALS: readonly Special[] = [
  {
    name: 'a body of 20 MB',
    statuses: [413],
    send: (to) => say(to, [head(POST, to, JSON_TYPE, `Content-Length: ${LARGE}`), Buffer.alloc(LARGE, 97)]),
  },
  {
    name: 'a body of 20 MB in chunks',
    statuses: [413],
    send: (to) => {
      const chunk = `${(2 ** 20).toString(16)}\r\n${'a'.repeat(2 ** 20)}\r\n`;
      return say(to, [head(POST, to, JSON_TYPE, 'Transfer-Encoding: chunked'), ...Array<string>(20).fill(chunk)]);
    },
  },
  {
    name: 'a body that comes byte by byte for too long',
    statuses: [408],
    isSlow: true,
    send: (to) =>
      say(to, [head(POST, to, JSON_TYPE, 'Content-Length: 100'), ...Array<string>(30).fill(' ')], { pauseMs: 500 }),
  },
  {
    name: 'a body that comes slowly and is right',
    statuses: [400],
    send: (to) => say(to, [head(POST, to, JSON_TYPE, 'Content-Length: 5'), '{', ' ', ' ', ' ', '}'], { pauseMs: 100 }),
  },
  {
    name: 'half a body, and the end',
    statuses: [400, 'none'],
    send: (to) => say(to, [head(POST, to, JSON_TYPE, 'Content-Length: 100'), '{"a":'], { end: true }),
  },
  {
    name: 'invalid UTF-8',
    statuses: [400],
    send: (to) => {
      const body = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
      return say(to, [head(POST, to, JSON_TYPE, `Content-Length: ${body.length}`), body]);
    },
  },
  {
    name: 'chunks that are none',
    statuses: [400],
    send: (to) => say(to, [head(POST, to, JSON_TYPE, 'Transfer-Encoding: chunked'), 'zz\r\n\u0000garbage\r\n']),
  },
  {
    name: 'two lengths',
    statuses: [400],
    send: (to) => say(to, [head(POST, to, JSON_TYPE, 'Content-Length: 2', 'Transfer-Encoding: chunked'), '{}']),
  },
  {
    name: 'a length that is none',
    statuses: [400],
    send: (to) => say(to, [head(POST, to, JSON_TYPE, 'Content-Length: -5'), '{}']),
  },
  {
    name: 'headers that are too large',
    statuses: [400],
    send: (to) => say(to, [head('GET /models', to, `X-Large: ${'x'.repeat(40_000)}`)]),
  },
  ...['/../../secret.txt', '/models/../../../secret.txt', '/%2e%2e/secret.txt', '/docs/../../secret.txt'].map(
    (path): Special => ({
      name: `GET ${path} as it stands`,
      statuses: [404],
      send: (to) => say(to, [head(`GET ${path}`, to)]),
    }),
  ),
  {
    name: 'an address of another scheme',
    statuses: [400, 404],
    send: (to) => say(to, [head('GET file:///etc/passwd', to)]),
  },
  {
    name: 'CONNECT',
    statuses: ['none', 400, 405],
    send: (to) => say(to, [head('CONNECT 127.0.0.1:22', to)]),
  },
  { name: 'no HTTP at all', statuses: [400], send: (to) => say(to, ['\u0016\u0003\u0001\u0000\u0000\r\n\r\n']) },
  { name: 'HTTP/2', statuses: [400], send: (to) => say(to, ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']) },
  {
    name: 'a client that goes away in the middle of a game',
    statuses: ['none', 200, 429],
    send: (to) => {
      const body = '{"model_path":"nano","env_type":"key_door","max_steps":50}';
      return say(to, [head(POST, to, JSON_TYPE, `Content-Length: ${body.length}`), body], { leaveMs: 30 });
    },
  },
];

interface Manner {
  readonly pauseMs?: number;
  /** Ends its side after the last part. */
  readonly end?: true;
  /** Goes away after so long. */
  readonly leaveMs?: number;
}

/** Says the parts one after another; resolves with all that came back. */
async function say(
  { url }: FuzzTarget,
  parts: readonly (string | Buffer)[],
  { pauseMs = 0, end, leaveMs }: Manner = {},
): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const heard: Buffer[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.on('data', (part) => {
    heard.push(part);
    // The answer is there when its length is.
    const text = Buffer.concat(heard).toString('latin1');
    const match = /\r\ncontent-length: (\d+)\r\n/i.exec(text);
    if (match && text.length >= text.indexOf('\r\n\r\n') + 4 + Number(match[1])) socket.destroy();
  });
  // A server that refuses a large body closes the connection while the client still sends.
  socket.on('error', () => {});
  socket.on('close', () => resolve());
  const patience = setTimeout(() => socket.destroy(), 20_000);
  for (const part of parts) {
    if (socket.destroyed) break;
    socket.write(part);
    if (pauseMs > 0) await new Promise((wake) => setTimeout(wake, pauseMs));
  }
  if (end) socket.end();
  if (leaveMs !== undefined) setTimeout(() => socket.destroy(), leaveMs);
  await closed;
  clearTimeout(patience);
  return Buffer.concat(heard).toString();
}

function whatIsWrong(text: string, statuses: Special['statuses'], secrets: readonly string[]): string | undefined {
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
  if (!statuses.includes(status === undefined ? 'none' : Number(status))) return `status ${status ?? 'none'}`;
  if (secrets.some((secret) => text.includes(secret))) return 'it tells a secret';
  if (status === undefined || status === '200') return undefined;
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  try {
    return errorAnswer.safeParse(JSON.parse(body)).success ? undefined : 'an error of another shape';
  } catch {
    return 'an error that is no JSON';
  }
}
