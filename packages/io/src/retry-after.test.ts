import { describe, expect, it } from 'vitest';
import { askedWait, rateLimitReset, retryAfter } from './retry-after.ts';

const headers = (entries: Record<string, string>) => new Headers(entries);

describe('retryAfter', () => {
  it('reads seconds', () => {
    expect(retryAfter(headers({ 'retry-after': ' 12 ' }))).toBe(12);
    expect(retryAfter(headers({ 'retry-after': '0.5' }))).toBe(0.5);
  });
  it("reads a date by the answer's own clock, and never a time in the past", () => {
    const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
    expect(retryAfter(headers({ 'retry-after': 'Sun, 06 Nov 1994 08:50:07 GMT', date }))).toBe(30);
    expect(retryAfter(headers({ 'retry-after': 'Sun, 06 Nov 1994 08:49:07 GMT', date }))).toBe(0);
    expect(retryAfter(headers({ 'retry-after': 'Sun, 06 Nov 1994 08:50:07 GMT' }))).toBeUndefined();
  });
  it('ignores what has neither form', () => {
    for (const value of ['soon', '-1', '1e9', 'Infinity', '9999999999'])
      expect(retryAfter(headers({ 'retry-after': value }))).toBeUndefined();
    expect(retryAfter(headers({}))).toBeUndefined();
  });
});

describe('rateLimitReset', () => {
  it('reads both forms where nothing is left', () => {
    expect(rateLimitReset(headers({ ratelimit: '"api";r=0;t=12' }))).toBe(12);
    expect(rateLimitReset(headers({ 'ratelimit-remaining': '0', 'ratelimit-reset': '7' }))).toBe(7);
  });
  it('asks for no wait where something is left', () => {
    expect(rateLimitReset(headers({ ratelimit: '"api";r=3;t=12' }))).toBeUndefined();
    expect(rateLimitReset(headers({ 'ratelimit-remaining': '3', 'ratelimit-reset': '7' }))).toBeUndefined();
    expect(rateLimitReset(headers({ 'ratelimit-reset': '7' }))).toBeUndefined();
  });
});

it('prefers Retry-After, in milliseconds', () => {
  expect(askedWait(headers({ 'retry-after': '3', ratelimit: '"api";r=0;t=12' }))).toBe(3000);
});
