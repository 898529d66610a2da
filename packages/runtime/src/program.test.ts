// A program does the same on a build with other habits.

import * as ort from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { RuntimeError } from './contract.ts';
import { ELEMENT_TYPES, oneNodeModel } from './device-memory.ts';
import { openProgram } from './program.ts';
import { float32, floats } from './tensors.ts';

const EXP = oneNodeModel('Exp', ELEMENT_TYPES.float32);

it.each([false, true])('puts an output over an input of the same run (copied: %s)', async (copiesOutputs) => {
  const program = await openProgram(ort, EXP, {}, { copiesOutputs });
  const x = float32([0, 0], [2]);
  for (const expected of [1, Math.E]) {
    const { y } = await program.run({ x }, { y: x });
    expect(y).toBe(x);
    expect(floats(x)[1]).toBeCloseTo(expected, 6);
  }
  await program.dispose();
});

it('passes on what a call says of its device, and calls everything else by its name', async () => {
  let fault: Error | undefined;
  const call = async <T>(work: () => Promise<T>) => {
    if (fault) throw fault;
    return work();
  };
  const program = await openProgram(ort, EXP, {}, { call });
  const run = () => program.run({ x: float32([0], [1]) });
  expect(floats((await run()).y as ReturnType<typeof float32>)[0]).toBe(1);
  fault = new Error('no memory');
  await expect(run()).rejects.toMatchObject({ code: 'run_failed', message: 'ONNX Runtime failed: no memory' });
  await expect(openProgram(ort, EXP, {}, { call })).rejects.toMatchObject({ code: 'bad_graph' });
  fault = new RuntimeError('device_lost', 'gone');
  await expect(run()).rejects.toBe(fault);
  await expect(openProgram(ort, EXP, {}, { call })).rejects.toBe(fault);
  // Nothing is left there that could be given back.
  await program.dispose();
});
