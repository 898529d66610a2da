// Ways to and from the memory of a device: a graph that does nothing, whose input is here and whose output there.
// ONNX Runtime's own reading of a device tensor ends the process in Node.

import type * as Ort from 'onnxruntime-common';
import { type Device, type HostTensor, type LoadOptions, type Runtime, RuntimeError, type Tensor } from './contract.ts';
import { type BuildHabits, type OrtBuild, openProgram, Programs } from './program.ts';

/** A runtime whose tensors live in the memory of `device`. */
export function deviceRuntime(
  ort: OrtBuild,
  options: Ort.InferenceSession.SessionOptions,
  habits: BuildHabits = {},
): Runtime {
  const load = (model: Uint8Array, { keepOnDevice = [] }: LoadOptions = {}) => {
    const locations = Object.fromEntries(keepOnDevice.map((name) => [name, 'gpu-buffer' as const]));
    return openProgram(ort, model, { ...options, preferredOutputLocation: locations }, habits);
  };
  const copiers = new Programs({ load });
  const copy = async (tensor: Tensor, keepOnDevice: readonly string[]): Promise<Tensor> => {
    const identity = () => oneNodeModel('Identity', ELEMENT_TYPES[tensor.type]);
    const copier = await copiers.get(`${tensor.type} ${tensor.location}`, identity, { keepOnDevice });
    return (await copier.run({ x: tensor })).y!;
  };
  return {
    device: 'webgpu',
    tensors: 'device',
    load,
    upload: (tensor) => copy(tensor, ['y']),
    async download(tensor) {
      const copied = tensor.location === 'host' ? tensor : await copy(tensor, []);
      if (copied.location !== 'host')
        throw new RuntimeError('run_failed', 'A tensor did not come back from the device.');
      return copied satisfies HostTensor;
    },
  };
}

/** A runtime whose tensors live in ordinary memory. */
export const hostRuntime = (device: Device, load: Runtime['load']): Runtime => ({
  device,
  tensors: 'host',
  load,
  upload: async (tensor) => tensor,
  async download(tensor) {
    if (tensor.location !== 'host') throw new RuntimeError('run_failed', 'This tensor belongs to another device.');
    return tensor;
  },
});

/** TensorProto.DataType of the ONNX specification. */
export const ELEMENT_TYPES = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10 } as const;

/**
 * y = op(x), or op(x, shape) with an int64 shape, for tensors of any shape, as the bytes of an ONNX ModelProto (IR 10, opset 21). The graph package is on this
 * floor too, and the file is small enough to write by hand.
 */
export function oneNodeModel(op: 'Identity' | 'Exp' | 'Expand', elementType: number): Uint8Array {
  const text = (value: string) => [...new TextEncoder().encode(value)];
  // A protobuf field of bytes: its key (number, wire type 2), its length, its content; all are below 128 here.
  const field = (number: number, content: readonly number[]) => [(number << 3) | 2, content.length, ...content];
  const integer = (number: number, value: number) => [number << 3, value];
  const value = (name: string, type: number) => [...field(1, text(name)), ...field(2, field(1, integer(1, type)))];
  const shaped = op === 'Expand';
  const node = [
    ...field(1, text('x')),
    ...(shaped ? field(1, text('shape')) : []),
    ...field(2, text('y')),
    ...field(4, text(op)),
  ];
  const graph = [
    ...field(1, node),
    ...field(2, text('copy')),
    ...field(11, value('x', elementType)),
    ...(shaped ? field(11, value('shape', ELEMENT_TYPES.int64)) : []),
    ...field(12, value('y', elementType)),
  ];
  return Uint8Array.from([...integer(1, 10), ...field(7, graph), ...field(8, integer(2, 21))]);
}
