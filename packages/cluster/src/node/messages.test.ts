// Messages as bytes, and which are refused.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from './codec.ts';
import { readAddress } from './connection.ts';
import { type ClusterTask, reportSchema, setupSchema, taskSchema } from './messages.ts';
import { PROTOCOL } from './names.ts';

const task: ClusterTask = {
  protocol: PROTOCOL,
  run: 'abc-1',
  id: '1.2.play',
  setup: 'a'.repeat(64),
  weights: 'b'.repeat(64),
  question: { type: 'play', shard: { index: 0, firstGroup: 0, groups: 2 }, step: 1 },
};

describe('a message', () => {
  it('carries numbers, texts and arrays of numbers as they are', () => {
    const numbers = fc.oneof(fc.double(), fc.integer(), fc.constant(-0));
    const value = fc.record({
      number: numbers,
      text: fc.string({ unit: 'grapheme' }),
      list: fc.array(numbers),
      ints: fc.int32Array(),
      floats: fc.float32Array(),
      doubles: fc.float64Array(),
      bytes: fc.uint8Array(),
    });
    fc.assert(
      fc.property(value, (given) => {
        expect(decodeMessage(encodeMessage(given))).toEqual(given);
      }),
    );
  });

  it('of random bytes is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const schema of [taskSchema, reportSchema, setupSchema])
          expect(() => schema.parse(decodeMessage(bytes))).toThrow();
      }),
    );
  });

  it('is refused with fields that are too many, missing, or of another kind', () => {
    expect(taskSchema.parse(decodeMessage(encodeMessage(task)))).toEqual(task);
    const others = [
      { ...task, protocol: PROTOCOL + 1 },
      { ...task, code: 'process.exit()' },
      { ...task, run: '../up' },
      { ...task, weights: 'b' },
      { ...task, question: { ...task.question, step: 0 } },
      { ...task, question: { ...task.question, type: 'learn' } },
    ];
    for (const other of others) expect(taskSchema.safeParse(other).success).toBe(false);
  });

  it('names no file outside its folder', () => {
    const setup = (name: string) => ({
      protocol: PROTOCOL,
      settings: {},
      model: [{ name, sha256: 'c'.repeat(64), size: 1 }],
      plugins: [],
      runtime: {},
      timeoutSeconds: 60,
    });
    expect(setupSchema.safeParse(setup('model.safetensors')).success).toBe(true);
    for (const name of ['../model', '/etc/passwd', 'a/b', 'a\\b', '.hidden', ''])
      expect(setupSchema.safeParse(setup(name)).success).toBe(false);
  });
});

it('an address is read with who asks, and shown without', () => {
  expect(readAddress('nats://me:se%40cret@one:4223')).toEqual({
    servers: ['one:4223'],
    tls: false,
    user: 'me',
    password: 'se@cret',
  });
  expect(readAddress('tls://one,tls://two:99')).toEqual({ servers: ['one:4222', 'two:99'], tls: true });
  for (const wrong of ['', 'one:4222', 'http://one', 'nats://'])
    expect(() => readAddress(wrong)).toThrow(/The address of a NATS server is needed/);
});
