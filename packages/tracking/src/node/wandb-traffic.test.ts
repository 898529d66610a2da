// What W&B's own Python client sends, as it was recorded (npm run record:wandb), is taken by the server that we test
// against, and tells nothing of the machine that it was recorded on.

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scrubbed } from '../../testing/scrub.ts';
import { type Asked, WANDB_KEY, WandbServer } from '../../testing/wandb-server.ts';

const text = readFileSync(new URL('../../fixtures/wandb-traffic.json', import.meta.url), 'utf8');
const traffic: readonly Asked[] = JSON.parse(text);
let server: WandbServer;
beforeEach(async () => {
  server = await WandbServer.start();
});
afterEach(() => server.goAway());

describe('the traffic of the official client', () => {
  it('is taken whole: a run, and the same run resumed', async () => {
    for (const { path, body } of traffic) {
      const answer = await fetch(`${server.baseUrl}${path}`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`api:${WANDB_KEY}`)}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(answer.status, await answer.text()).toBe(200);
    }
    expect(server.complaints).toEqual([]);
    expect(server.run.history.map(({ _step }) => _step)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(server.run).toMatchObject({ displayName: 'official', exits: [0, 0], again: 0 });
  });

  it('holds every kind of request', () => {
    expect(new Set(traffic.map(({ kind }) => kind))).toEqual(new Set(['upsert', 'stream', 'files', 'run']));
  });

  it('holds no host, user, path, repository, package list or key', () => {
    expect(text).not.toMatch(/\/(home|root|tmp|usr|Users|work)\b|\.git\b|==\d|[0-9a-f]{40}/);
    for (const word of [hostname(), WANDB_KEY]) expect(text).not.toContain(`"${word}"`);
    for (const { body } of traffic) {
      const {
        host = null,
        program = null,
        repo = null,
        commit = null,
      } = (body.variables ?? {}) as Record<string, unknown>;
      for (const value of [host, program, repo, commit]) expect([null, 'scrubbed']).toContain(value);
    }
  });
});

it('takes what tells of a machine out of requests, also where JSON holds JSON', () => {
  const inner = JSON.stringify({ note: 'at /home/me/x.py', host: 'box', rate: 1 });
  const body = {
    variables: { host: 'box', repo: 'git@host:me/x', debug: null, config: inner },
    list: ['a', 'f'.repeat(40)],
  };
  expect(scrubbed(body)).toEqual({
    variables: {
      host: 'scrubbed',
      repo: 'scrubbed',
      debug: null,
      config: JSON.stringify({ note: 'at scrubbed', host: 'scrubbed', rate: 1 }),
    },
    list: ['a', 'scrubbed'],
  });
});
