import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../errors.ts';
import { type NamedTensor, readSafetensors, toFloat32, writeSafetensors } from './safetensors.ts';

const f32 = (name: string, values: readonly number[]): NamedTensor => ({
  name,
  dtype: 'F32',
  shape: [values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});

/** A file with the given header text and `extra` bytes of data. */
function file(header: string, extra: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + extra);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** A file of nine bytes that says how long its header is. */
function length(bytes: bigint): Uint8Array {
  const start = new Uint8Array(9);
  new DataView(start.buffer).setBigUint64(0, bytes, true);
  return start;
}

describe('safetensors', () => {
  it('keeps a tensor whatever its name means to JavaScript', () => {
    const tensor = { name: '__proto__', dtype: 'BOOL' as const, shape: [1], data: Uint8Array.of(1) };
    expect([...readSafetensors(writeSafetensors([tensor], {})).tensors.keys()]).toEqual(['__proto__']);
  });

  it('reads back what it wrote, for any names, shapes and bytes', () => {
    const tensor = fc.record({
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      dtype: fc.constantFrom('F32' as const, 'I64' as const, 'BF16' as const, 'BOOL' as const),
    });
    const sizes = { F32: 4, I64: 8, BF16: 2, BOOL: 1 };
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__'),
          tensor,
          { maxKeys: 5 },
        ),
        (described) => {
          const tensors = Object.entries(described).map(([name, { dtype, shape }], i): NamedTensor => {
            const size = shape.reduce((a, b) => a * b, sizes[dtype]);
            return { name, dtype, shape, data: Uint8Array.from({ length: size }, (_, k) => (k * 7 + i) % 256) };
          });
          const bytes = writeSafetensors(tensors, { format: 'pt' });
          expect(writeSafetensors(tensors, { format: 'pt' })).toEqual(bytes);
          const read = readSafetensors(bytes);
          expect(read.metadata).toEqual({ format: 'pt' });
          expect(
            [...read.tensors]
              .map(([name, { dtype, shape, data }]) => ({ name, dtype, shape, data: [...data] }))
              .sort((a, b) => (a.name < b.name ? -1 : 1)),
          ).toEqual(
            tensors
              .map(({ data, ...rest }) => ({ ...rest, data: [...data] }))
              .sort((a, b) => (a.name < b.name ? -1 : 1)),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('says how many bytes are missing from a file cut off anywhere', () => {
    const whole = writeSafetensors([f32('a', [1, 2, 3]), f32('b', [4])], {});
    for (let length = 0; length < whole.length; length++) {
      expect(() => readSafetensors(whole.subarray(0, length))).toThrow(ModelError);
    }
    expect(() => readSafetensors(whole.subarray(0, whole.length - 3))).toThrow(/3 bytes of b are missing/);
  });

  it.each([
    ['no JSON', file('{"a"', 0), /no JSON/],
    ['a huge header', Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 0), /header/],
    ['an unknown type', file('{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}', 1), /unknown type "F8"/],
    ['a negative size', file('{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}', 1), /shape of a/],
    ['a wrong size', file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4), /needs 8 bytes and has 4/],
    [
      'an overlap',
      file(
        '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
        3,
      ),
      /overlaps/,
    ],
    ['a hole', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', 2), /unused bytes/],
    ['the last number below 2^53 as length', length(2n ** 53n - 1n), /header would be 9007199254740991 bytes/],
    ['a length beyond 2^53', length(2n ** 64n - 1n), /header would be/],
    ['a length just beyond the file', length(2n), /1 bytes of the header are missing/],
    [
      'sizes whose product overflows',
      file('{"a":{"dtype":"F32","shape":[4503599627370496,4503599627370496],"data_offsets":[0,4]}}', 4),
      /needs .* bytes and has 4/,
    ],
    [
      'sizes whose product is beyond all numbers',
      file(`{"a":{"dtype":"F32","shape":[${Array.from({ length: 40 }, () => 2 ** 52)},0],"data_offsets":[0,0]}}`, 0),
      /needs NaN bytes/,
    ],
    ['a negative offset', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}', 1), /the place of a/],
    ['offsets in the wrong order', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}', 1), /the place of a/],
    ['an offset that is no whole number', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1.5]}}', 2), /place/],
    ['a type that is no text', file('{"a":{"dtype":4,"shape":[1],"data_offsets":[0,1]}}', 1), /unknown type 4/],
    [
      'a type named like a part of every object',
      file('{"a":{"dtype":"toString","shape":[],"data_offsets":[0,0]}}', 0),
      /unknown type/,
    ],
    [
      'a name that stands twice',
      file(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      /says "a" twice/,
    ],
    [
      'a field that stands twice',
      file('{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}', 1),
      /twice/,
    ],
    ['a header that is a list', file('[]', 0), /no object/],
    ['metadata that are no texts', file('{"__metadata__":{"a":1}}', 0), /metadata/],
    ['bytes behind the end', file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 5), /4 bytes follow/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  it('never fails in another way, whatever the bytes are', () => {
    const valid = new Uint8Array(
      readFileSync(new URL('../../fixtures/smollm-tiny/golden.safetensors', import.meta.url)),
    ).slice(0, 4000);
    const attempt = (bytes: Uint8Array) => {
      try {
        readSafetensors(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(ModelError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 500 });
    const change = fc.array(fc.tuple(fc.nat(3999), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(change, (changes) => {
        const bytes = valid.slice();
        for (const [at, value] of changes) bytes[at] = value;
        attempt(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('widens half-precision numbers exactly', () => {
    const half = (bits: number[]) => ({
      dtype: 'F16' as const,
      shape: [bits.length],
      data: new Uint8Array(Uint16Array.from(bits).buffer),
    });
    expect([...toFloat32(half([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00]))]).toEqual([
      1,
      -2,
      2 ** -24,
      65504,
      Number.POSITIVE_INFINITY,
    ]);
    const brain = { dtype: 'BF16' as const, shape: [2], data: new Uint8Array(Uint16Array.of(0x3f80, 0xc040).buffer) };
    expect([...toFloat32(brain)]).toEqual([1, -3]);
    expect(() => toFloat32({ dtype: 'I64', shape: [1], data: new Uint8Array(8) })).toThrow(ModelError);
  });

  it('reads numbers that stand at an odd place in memory', () => {
    const bytes = writeSafetensors([f32('a', [1.5, -2])], {});
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    expect([...toFloat32(readSafetensors(moved.subarray(1)).tensors.get('a')!)]).toEqual([1.5, -2]);
  });
});
