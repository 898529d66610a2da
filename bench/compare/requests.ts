// Answers of `ludic serve` to the requests of request-list.ts, in their order: status, headers, and every leaf of the body.
// What no two servers have alike (ids, times) is replaced by what it is.

import { setTimeout as sleep } from 'node:timers/promises';
import { addFact, addJson, binaryFact, type Facts } from './facts.ts';
import { type ListedRequest, REQUESTS } from './request-list.ts';
import { type Answer, PASSWORD, type Service, startService } from './service.ts';
import type { Side } from './side.ts';

/** Of the connection, or derived from a body that is compared itself. */
const IGNORED = ['date', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'x-request-id'];
const AUTHORIZED = { authorization: `Bearer ${PASSWORD}` };

export async function requestFacts(side: Side): Promise<Facts> {
  const facts: Facts = new Map();
  const service = await startService(side);
  const seen = new Seen();
  try {
    for (const [i, listed] of REQUESTS.entries()) {
      const name = `${i + 1} ${listed.method} ${listed.path} ${listed.about}`.trim();
      const answer = await service.ask({
        method: listed.method,
        path: seen.fill(listed.path),
        headers: { ...(listed.open ? {} : AUTHORIZED), ...seen.fillAll(listed.headers ?? {}) },
        ...(listed.body !== undefined && { body: listed.body }),
      });
      seen.remember(listed, answer);
      addAnswer(facts, name, answer, listed, seen);
      if (listed.waits) await jobsEnd(service);
    }
  } finally {
    await service.stop();
  }
  return facts;
}

function addAnswer(facts: Facts, name: string, { status, headers, body }: Answer, listed: ListedRequest, seen: Seen) {
  addFact(facts, `${name}: status`, status);
  if (listed.only === 'status') return;
  for (const [header, value] of Object.entries(headers))
    if (!IGNORED.includes(header))
      addFact(facts, `${name}: ${header}`, header === 'etag' ? 'an ETag' : seen.plain(String(value)));
  const type = headers['content-type'] ?? '';
  if (listed.only === 'headers' || body.length === 0) return;
  if (/^application\/(problem\+)?json/.test(type))
    addJson(facts, `${name}: body`, JSON.parse(seen.plain(body.toString())));
  else if (/ndjson|event-stream/.test(type))
    for (const [i, line] of seen.plain(body.toString()).trimEnd().split('\n').entries()) {
      const json = /^(?:data: )?(\{.*\})$/.exec(line)?.[1];
      if (json) addJson(facts, `${name}: line ${i + 1}`, JSON.parse(json));
      else addFact(facts, `${name}: line ${i + 1}`, line);
    }
  else if (listed.path === '/metrics')
    addFact(facts, `${name}: names`, [...body.toString().matchAll(/^# TYPE .*/gm)].join('\n'));
  else if (/^text\//.test(type)) addFact(facts, `${name}: text`, unmeasured(seen.plain(body.toString())), true);
  else addFact(facts, `${name}: body`, binaryFact(body));
}

/** What a job printed, without what was measured. */
const unmeasured = (text: string) => text.replace(/[\d.,]+ (tokens\/s|s left|GB)|\d+:\d\d:\d\d\S*/g, '… $1');

/** What earlier answers said, for later requests: `{first}` is the id of the job of that name. */
class Seen {
  readonly #values = new Map<string, string>();
  readonly #ids = new Map<string, string>();

  remember({ as }: ListedRequest, { headers, body }: Answer): void {
    if (as === undefined) return;
    if (headers.etag) this.#values.set(`${as}.etag`, headers.etag);
    if (!/json/.test(headers['content-type'] ?? '')) return;
    const { job_id } = JSON.parse(body.toString()) as { job_id?: string };
    if (job_id) this.#values.set(as, job_id);
  }

  fill(text: string): string {
    return text.replace(/\{([\w.]+)\}/g, (whole, key: string) => this.#values.get(key) ?? whole);
  }

  fillAll(headers: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, this.fill(value)]));
  }

  /** Ids by the order in which they were first seen; times as such. */
  plain(text: string): string {
    return text
      .replace(/\b(?:(?:train|evaluate)-[\da-f]{8}-[\da-f]{4}|chatcmpl-[\w-]+)\b/g, (id) => {
        if (!this.#ids.has(id)) this.#ids.set(id, `id ${this.#ids.size + 1}`);
        return this.#ids.get(id)!;
      })
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time');
  }
}

async function jobsEnd(service: Service): Promise<void> {
  for (;;) {
    const { body } = await service.ask({ method: 'GET', path: '/jobs', headers: AUTHORIZED });
    const { jobs } = JSON.parse(body.toString()) as { jobs: { status: string }[] };
    if (jobs.every(({ status }) => status !== 'queued' && status !== 'running')) return;
    await sleep(100);
  }
}
