import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SpelledNumber, spelledObject } from './spelled-json.ts';

/** Back to what JSON.parse gives. */
function plain(value: unknown): unknown {
  if (value instanceof SpelledNumber) return value.value;
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Map ? Object.fromEntries([...value].map(([key, entry]) => [key, plain(entry)])) : value;
}

it('reads what JSON.parse reads, however it is spaced', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(JSON.stringify(plain(spelledObject(text)))).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});

it('keeps the order of fields, fractions and all digits', () => {
  const read = spelledObject('{"2": 10.0, "1": 12345678901234567890, "n": -1e5}')!;
  expect([...read.keys()]).toEqual(['2', '1', 'n']);
  const [fraction, long, power] = [...read.values()] as SpelledNumber[];
  expect([fraction!.isWhole, fraction!.value, power!.isWhole, power!.value]).toEqual([false, 10, false, -1e5]);
  expect([long!.isWhole, long!.whole]).toEqual([true, 12345678901234567890n]);
});

it.each(['', '[]', '{"a": }', '"x"', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`])(
  'reads nothing else: %#',
  (text) => {
    expect(spelledObject(text)).toBeUndefined();
  },
);
