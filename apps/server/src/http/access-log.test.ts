import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { PasswordAuthenticator } from '../auth/password-authenticator.ts';
import { requireAuth } from '../auth/require-auth.ts';
import { from, onePassword } from '../auth/testing.ts';
import { accessLog, createLogger } from './access-log.ts';
import { parseTrust } from './address.ts';

const RIGHT = 'correct horse';
const WRONG = 'hunter2hunter2';

async function logged(...requests: readonly (readonly [string, RequestInit])[]) {
  const lines: string[] = [];
  const trust = parseTrust(undefined);
  const app = new Hono()
    .use(accessLog(createLogger({ write: (line) => void lines.push(line) }), trust))
    .use(requireAuth(new PasswordAuthenticator(await onePassword(RIGHT)), trust))
    .post('/train', (context) => context.json({}, 202))
    .get('/broken', () => {
      throw new Error(`a fault that holds ${WRONG}`);
    })
    .onError((_, context) => context.json({}, 500));
  const responses: Response[] = [];
  for (const [path, init] of requests) responses.push(await app.request(path, init, from('::ffff:1.2.3.4')));
  return { text: lines.join(''), lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>), responses };
}
const post = (body: unknown, headers = {}) => ({
  method: 'POST',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
});
const bearer = (password: string) => ({ authorization: `Bearer ${password}` });

describe('the access log', () => {
  it('says who, what, from where, status and time, in a line for each answer', async () => {
    const { lines, responses } = await logged(
      ['/train', post({ password: RIGHT })],
      ['/train', post({ password: WRONG })],
      ['/nowhere', { headers: bearer(RIGHT) }],
      ['/broken', { headers: bearer(RIGHT) }],
    );
    expect(lines).toMatchObject([
      { who: 'password', method: 'POST', path: '/train', address: '1.2.3.4', status: 202, ms: expect.any(Number) },
      { who: null, method: 'POST', path: '/train', address: '1.2.3.4', status: 401 },
      { who: 'password', method: 'GET', path: '/nowhere', status: 404 },
      { who: 'password', method: 'GET', path: '/broken', status: 500 },
    ]);
    expect(lines.map(({ id }) => id)).toEqual(responses.map(({ headers }) => headers.get('x-request-id')));
    expect(new Set(lines.map(({ id }) => id)).size).toBe(4);
  });

  it('never holds a secret, wherever a client puts it', async () => {
    const { text, lines } = await logged(
      ['/train', post({ password: WRONG })],
      ['/train', post(`{"password":"${WRONG}"`)],
      ['/train', post({ password: RIGHT, note: WRONG })],
      [`/train?password=${WRONG}`, post({ password: RIGHT })],
      ['/train', post({}, bearer(WRONG))],
      ['/train', post({}, bearer(`alice:${WRONG}`))],
      ['/train', post({ password: RIGHT }, { 'x-request-id': WRONG, 'user-agent': WRONG, cookie: WRONG })],
      ['/broken', { headers: bearer(RIGHT) }],
      ['/train', { method: WRONG, headers: bearer(RIGHT) }],
    );
    expect(lines).toHaveLength(9);
    expect(text).not.toContain(RIGHT);
    expect(text.toLowerCase()).not.toContain(WRONG);
  });

  it('keeps to one line, whatever a path holds', async () => {
    const { lines, text } = await logged([`/a%0Ab"${'x'.repeat(5000)}`, {}]);
    expect(text.trimEnd().split('\n')).toHaveLength(1);
    expect(String(lines[0]!.path).length).toBe(200);
  });
});
