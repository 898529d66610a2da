// Short ways to make host tensors; and named tensors that stay where they are computed with, from run to run: weights,
// moments, sums of gradients, keys and values. In ordinary memory a run writes over them; on a device its outputs take
// their place.

import { type HostTensor, type Runtime, RuntimeError, type Tensor, type Tensors } from './contract.ts';

/** A float32 tensor; a Float32Array is taken over, not copied. */
export const float32 = (data: Float32Array | readonly number[], dims: readonly number[]): HostTensor => ({
  location: 'host',
  type: 'float32',
  dims,
  data: data instanceof Float32Array ? data : Float32Array.from(data),
});

/** A float32 tensor of shape []. */
export const scalar = (value: number): HostTensor => float32([value], []);

/** Indices: most operators take them with 32 bits, and a GPU computes with no other integers. */
export const int32 = (data: Int32Array | readonly number[], dims: readonly number[]): HostTensor => ({
  location: 'host',
  type: 'int32',
  dims,
  data: data instanceof Int32Array ? data : Int32Array.from(data),
});

/** Sizes and rotary positions, for which ONNX wants 64 bits. */
export function int64(data: ArrayLike<number>, dims: readonly number[]): HostTensor {
  const wide = new BigInt64Array(data.length);
  // Writing the halves of each word is several times faster than converting every number to a bigint.
  const halves = new Int32Array(wide.buffer);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    halves[2 * i] = value;
    halves[2 * i + 1] = value < 0 ? -1 : 0;
  }
  return { location: 'host', type: 'int64', dims, data: wide };
}

/** A float32 tensor of zeros. */
export const zeros = (dims: readonly number[]): HostTensor =>
  float32(new Float32Array(dims.reduce((a, b) => a * b, 1)), dims);

/** The numbers of a float32 tensor. */
export function floats(tensor: HostTensor): Float32Array {
  if (!(tensor.data instanceof Float32Array)) throw new TypeError(`a float32 tensor expected, not ${tensor.type}`);
  return tensor.data;
}

/** Named tensors that stay on their device from run to run. `dispose` frees them. */
export class ResidentTensors {
  readonly #runtime: Runtime;
  readonly #tensors: Record<string, Tensor>;

  /** Takes over tensors that are where the runtime keeps them. */
  constructor(runtime: Runtime, tensors: Tensors) {
    this.#runtime = runtime;
    this.#tensors = { ...tensors };
  }

  /** Brings tensors to the runtime's device. In ordinary memory they are the given tensors themselves. */
  static async of(runtime: Runtime, tensors: Readonly<Record<string, HostTensor>>): Promise<ResidentTensors> {
    const resident: Record<string, Tensor> = {};
    for (const [name, tensor] of Object.entries(tensors)) resident[name] = await runtime.upload(tensor);
    return new ResidentTensors(runtime, resident);
  }

  /** Zeros of these shapes on the runtime's device. */
  static zeros(runtime: Runtime, shapes: Iterable<readonly [string, readonly number[]]>): Promise<ResidentTensors> {
    const tensors = Array.from(shapes, ([name, dims]) => [name, zeros(dims)] as const);
    return ResidentTensors.of(runtime, Object.fromEntries(tensors));
  }

  /** The shape of each tensor, by name. */
  get shapes(): ReadonlyMap<string, readonly number[]> {
    return new Map(Object.entries(this.#tensors).map(([name, { dims }]) => [name, dims]));
  }

  /** The present tensors as inputs of a run, each name with a prefix. Valid until the next `take`. */
  inputs(prefix = ''): Tensors {
    return Object.fromEntries(Object.entries(this.#tensors).map(([name, tensor]) => [prefix + name, tensor]));
  }

  /** What a run may write its outputs over (`Program.run`); nothing on a device, where outputs are new tensors. */
  into(prefix: string): Readonly<Record<string, HostTensor>> {
    const targets: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(this.#tensors)) {
      if (tensor.location === 'host') targets[prefix + name] = tensor;
    }
    return targets;
  }

  /** Puts those outputs of a run that are the next of a tensor in its place; what was there is freed. */
  take(outputs: Tensors, prefix: string): void {
    for (const [name, before] of Object.entries(this.#tensors)) {
      const next = outputs[prefix + name];
      if (!next || next === before) continue;
      this.#tensors[name] = next;
      if (before.location === 'device') before.dispose();
    }
  }

  /** Puts other numbers in place of the tensors of the same names and shapes. */
  async set(tensors: Readonly<Record<string, HostTensor>>): Promise<void> {
    for (const [name, next] of Object.entries(tensors)) {
      const before = this.#tensors[name];
      if (before?.dims.join() !== next.dims.join())
        throw new RuntimeError('run_failed', `There is no tensor ${name} of the shape [${next.dims.join()}] here.`);
      if (before.location === 'host') (before.data as Float32Array).set(next.data as Float32Array);
      else this.take({ [name]: await this.#runtime.upload(next) }, '');
    }
  }

  /** Makes all numbers zero. */
  async clear(): Promise<void> {
    const cleared = ([name, { dims }]: [string, Tensor]) => [name, zeros(dims)];
    for (const tensor of Object.values(this.#tensors)) {
      if (tensor.location === 'device') return this.set(Object.fromEntries(Object.entries(this.#tensors).map(cleared)));
      (tensor.data as Float32Array).fill(0);
    }
  }

  /** The numbers in ordinary memory: the tensors themselves where they live there, else copies. */
  async download(): Promise<Record<string, HostTensor>> {
    const here: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(this.#tensors)) here[name] = await this.#runtime.download(tensor);
    return here;
  }

  /** The same numbers in tensors of their own. */
  async copy(): Promise<ResidentTensors> {
    const here = await this.download();
    const own = ([name, tensor]: [string, HostTensor]) => [name, { ...tensor, data: tensor.data.slice() }];
    const apart = this.#runtime.tensors === 'host' ? Object.fromEntries(Object.entries(here).map(own)) : here;
    return ResidentTensors.of(this.#runtime, apart);
  }

  dispose(): void {
    for (const tensor of Object.values(this.#tensors)) if (tensor.location === 'device') tensor.dispose();
  }
}
