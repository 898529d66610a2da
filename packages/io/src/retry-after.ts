// How long a server asks to wait. `Retry-After` is a number of seconds or a date (RFC 9110, 10.2.3); a date counts from the
// answer's own `Date` header, so no clock of ours is asked. The RateLimit headers come in two forms: the draft's single
// field, `RateLimit: "api";r=0;t=12`, and the older pair `RateLimit-Remaining` and `RateLimit-Reset`.

import { parseHttpDate } from './http-date.ts';

/** Seconds that `Retry-After` asks for, at least 0; undefined where the header is absent or has neither form. */
export function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}(\.\d+)?$/.test(value)) return Number(value);
  const until = parseHttpDate(value);
  const now = parseHttpDate(headers.get('date') ?? '');
  return until === undefined || now === undefined ? undefined : Math.max(0, until - now);
}

/** Seconds until the rate limit is renewed, where the answer says that nothing is left of it. */
export function rateLimitReset(headers: Headers): number | undefined {
  const single = /;\s*r=0\s*;\s*t=(\d{1,9})/.exec(headers.get('ratelimit') ?? '');
  if (single) return Number(single[1]);
  const number = (name: string) => /^\s*(\d{1,9}(?:\.\d+)?)\s*$/.exec(headers.get(name) ?? '')?.[1];
  const reset = number('ratelimit-reset');
  return reset !== undefined && Number(number('ratelimit-remaining') ?? Number.NaN) < 1 ? Number(reset) : undefined;
}

/** Milliseconds that a server asks to wait, by any of these headers. */
export function askedWait(headers: Headers): number | undefined {
  const seconds = retryAfter(headers) ?? rateLimitReset(headers);
  return seconds === undefined ? undefined : 1000 * seconds;
}
