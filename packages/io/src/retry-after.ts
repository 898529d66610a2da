// How long a server asks to wait. `Retry-After` is a number of seconds or a date (RFC 9110, 10.2.3); a date counts from the
// answer's own `Date` header, so no clock of ours is asked. The RateLimit headers come in two forms: the draft's single
// field, `RateLimit: "api";r=0;t=12`, and the older pair `RateLimit-Remaining` and `RateLimit-Reset`.

/** Milliseconds since 1970 of a date in the one current form (RFC 9110, 5.6.7); undefined for any other text. */
function httpDate(text: string): number | undefined {
  const value = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(value) ? undefined : value;
}

/** Seconds that `Retry-After` asks for, at least 0; undefined where the header is absent or has neither form. */
export function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}(\.\d+)?$/.test(value)) return Number(value);
  const until = httpDate(value);
  const now = httpDate(headers.get('date') ?? '');
  return until === undefined || now === undefined ? undefined : Math.max(0, until - now) / 1000;
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
