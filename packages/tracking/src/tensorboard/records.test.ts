import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { restartEvent, scalarsEvent, stepOfSummary, versionEvent } from './events.ts';
import { crc32c, decodeRecords, encodeRecord } from './records.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const records = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 });
const joined = (all: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(all.map(encodeRecord)));

describe('CRC-32C', () => {
  // The vectors of RFC 3720, appendix B.4, and the usual check value.
  it.each([
    [new TextEncoder().encode('123456789'), 0xe3069283],
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ])('of %j is what the standard says', (bytes, crc) => {
    expect(crc32c(bytes)).toBe(crc);
  });
});

describe('records', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(records, (all) => {
        expect(decodeRecords(joined(all)).map(hex)).toEqual(all.map(hex));
      }),
    );
  });

  it('that are cut off or damaged are not read, and those before them are', () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.integer({ min: 1, max: 255 }), (all, place, change) => {
        const bytes = joined(all);
        const at = bytes.length === 0 ? 0 : place % bytes.length;
        const ends = all.map((_, i) => joined(all.slice(0, i + 1)).length);
        const whole = all.slice(0, ends.filter((end) => end <= at).length).map(hex);
        expect(decodeRecords(bytes.subarray(0, at)).map(hex)).toEqual(whole);
        if (bytes.length === 0) return;
        bytes[at]! ^= change;
        expect(decodeRecords(bytes).map(hex)).toEqual(whole);
      }),
    );
  });
});

describe('events', () => {
  it('are the bytes that the schema of TensorBoard asks for', () => {
    // 1: double 1.5; 3: text.
    expect(hex(versionEvent(1.5))).toBe(`09000000000000f83f1a0d${Buffer.from('brain.Event:2').toString('hex')}`);
    // 1: double 1.5; 2: 300; 7: { 1: 1 }.
    expect(hex(restartEvent(1.5, 300))).toBe('09000000000000f83f10ac023a020801');
    // 1: double 1.5; 2: 3; 5: { 1: { 1: "a", 2: float 0.5 } }.
    expect(hex(scalarsEvent(1.5, 3, { a: 0.5 }))).toBe('09000000000000f83f10032a0a0a080a0161150000003f');
  });

  it('tell their step where they hold numbers', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), (step) => {
        expect(stepOfSummary(scalarsEvent(1e9, step, { 'train/reward': 1 }))).toBe(step);
        expect(stepOfSummary(restartEvent(1e9, step))).toBeUndefined();
      }),
    );
    expect(stepOfSummary(versionEvent(1e9))).toBeUndefined();
  });

  it('that were never written are no fault', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void stepOfSummary(bytes)));
  });
});
