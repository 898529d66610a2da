import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { PasswordAuthenticator } from '../auth/password-authenticator.ts';
import { requireAuth } from '../auth/require-auth.ts';
import { onePassword } from '../auth/testing.ts';
import { allowOrigins, parseOrigins, safeHeaders } from './headers.ts';

const app = (origins: readonly string[]) =>
  new Hono()
    .use(safeHeaders(['https://models.example']))
    .use(allowOrigins(parseOrigins(origins)))
    .get('/', (c) => c.text('x'));
const ask = (origins: readonly string[], origin: string, method = 'GET') =>
  app(origins).request('/', {
    method,
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
  });

describe('pages of other origins', () => {
  it('may not ask, unless their origin is allowed', async () => {
    for (const method of ['GET', 'OPTIONS'])
      expect((await ask([], 'https://evil.example', method)).headers.get('access-control-allow-origin')).toBeNull();
    const allowed = ['https://games.example/', 'http://localhost:5173'];
    expect((await ask(allowed, 'https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
    expect((await ask(allowed, 'https://games.example.evil')).headers.get('access-control-allow-origin')).toBeNull();
    const answer = await ask(allowed, 'https://games.example');
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://games.example');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    const preflight = await ask(allowed, 'http://localhost:5173', 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
  });

  it.each(['*', 'games.example', 'https://games.example/path', 'https://user@games.example', 'null', 'file:///x', ''])(
    'cannot be allowed by %j',
    (origin) => {
      expect(() => parseOrigins([origin])).toThrow('--allow-origin');
    },
  );
});

describe('a refusal', () => {
  it('can be read by an allowed page', async () => {
    const guarded = new Hono()
      .use(allowOrigins(['https://games.example']))
      .use(requireAuth(new PasswordAuthenticator(await onePassword('correct horse')), { kind: 'none' }));
    const headers = { origin: 'https://games.example', 'content-type': 'text/plain' };
    for (const [method, status] of [
      ['GET', 401],
      ['POST', 415],
    ] as const) {
      const response = await guarded.request('/', { method, headers });
      expect(response.status).toBe(status);
      expect(response.headers.get('access-control-allow-origin')).toBe('https://games.example');
    }
  });
});

describe('every answer', () => {
  it('forbids what pages need not do', async () => {
    const { headers } = await app([]).request('/');
    const policy = headers.get('content-security-policy')!;
    expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|\*/);
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("connect-src 'self' https://models.example");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(Object.fromEntries(headers)).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    });
  });
});
