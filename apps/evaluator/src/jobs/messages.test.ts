import { LudicError } from '@ludic/io';
import { ServiceError } from '@ludic/service';
import { expect, it } from 'vitest';
import { isNotFound, isUnauthorized, moment, span } from './messages.ts';

it('knows a password that is refused, by either class of error', () => {
  for (const [code, refused] of [
    ['unauthorized', true],
    ['forbidden', false],
  ] as const) {
    expect(isUnauthorized(new ServiceError(code, 'No.'))).toBe(refused);
    expect(isUnauthorized(new LudicError(code, 'No.'))).toBe(refused);
  }
  expect(isUnauthorized(new Error('unauthorized'))).toBe(false);
  expect(isNotFound(new ServiceError('not_found', 'None.'))).toBe(true);
  expect(isNotFound(new ServiceError('unavailable', 'Later.'))).toBe(false);
});

it.each([
  [0.2, '1 s'],
  [59, '59 s'],
  [59.7, '1 min'],
  [3599, '1 h'],
  [7500, '2 h 5 min'],
  [200_000, '2 days'],
])('%d seconds are %s', (seconds, text) => {
  expect(span(seconds)).toBe(text);
});

it('names the day of what was not today', () => {
  const now = new Date(2026, 4, 9, 12, 0);
  expect(moment(new Date(2026, 4, 9, 8, 5).toISOString(), now)).toBe('08:05');
  expect(moment(new Date(2026, 4, 8, 8, 5).toISOString(), now)).toBe('8 May, 08:05');
});
