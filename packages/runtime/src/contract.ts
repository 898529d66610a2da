// Tensors and programs on a device, whatever the device is. Everything above this package speaks only these types.

import { LudicError } from '@ludic/io';

/** Types of numbers of tensors. */
export type TensorType = 'float32' | 'int32' | 'int64' | 'bool' | 'uint8';

/** A tensor in ordinary memory. `data` is the tensor itself, not a copy. */
export interface HostTensor {
  readonly location: 'host';
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

/** A tensor that lives on the device. Free it with `dispose`; read it with `Runtime.download`. */
export interface DeviceTensor {
  readonly location: 'device';
  readonly type: TensorType;
  readonly dims: readonly number[];
  dispose(): void;
}

/** A tensor, wherever it lives. */
export type Tensor = HostTensor | DeviceTensor;
/** Tensors by name: the inputs or outputs of a run. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** How a graph will be run. */
export interface LoadOptions {
  /** Outputs that stay on the device. Where tensors live in ordinary memory this changes nothing. */
  readonly keepOnDevice?: readonly string[];
  /** The same shapes will come again and again, in large tensors: less memory for them, at a few per cent more time. */
  readonly repeatsShapes?: boolean;
}

/** A loaded graph. */
export interface Program {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * Runs once. `into` names host tensors that receive outputs, where `Runtime.tensors` is `host`: one may also be an
   * input of the same run.
   * @throws RuntimeError `run_failed`, `device_lost`
   */
  run(inputs: Tensors, into?: Readonly<Record<string, HostTensor>>): Promise<Record<string, Tensor>>;
  dispose(): Promise<void>;
}

/** Devices of ONNX Runtime, by the names of its execution providers. */
export const DEVICES = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
/** One of `DEVICES`. */
export type Device = (typeof DEVICES)[number];

/** Loads graphs on one device, and moves tensors there and back. */
export interface Runtime {
  readonly device: Device;
  /**
   * Where tensors live between runs. With `host`, a device that has memory of its own is sent every input and sends
   * every output back.
   */
  readonly tensors: 'host' | 'device';
  /** @throws RuntimeError `bad_graph` where the bytes are no model that this device can run. */
  load(model: Uint8Array, options?: LoadOptions): Promise<Program>;
  /** Copies a tensor to the device; with tensors in ordinary memory it is the same tensor. */
  upload(tensor: HostTensor): Promise<Tensor>;
  /** Copies a tensor to ordinary memory; a host tensor is returned as it is. */
  download(tensor: Tensor): Promise<HostTensor>;
}

/** device_lost: the device is gone with all its tensors; to go on, make a new runtime. */
export type RuntimeErrorCode = 'bad_graph' | 'device_missing' | 'device_lost' | 'run_failed';

/** A device or a graph that does not work. The message says what to do. */
export class RuntimeError extends LudicError<RuntimeErrorCode> {
  override readonly name = 'RuntimeError';
}

/** What went wrong in ONNX Runtime; a RuntimeError stays as it is. */
export const asRuntimeError = (code: RuntimeErrorCode, what: string, error: unknown): RuntimeError =>
  error instanceof RuntimeError ? error : new RuntimeError(code, `${what}: ${messageOf(error)}`, { cause: error });

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
