// ONNX Runtime in Node. The native library is loaded when the first runtime is made, not when this file is imported.
// A run blocks the event loop until it is done: who must stay responsive runs models in another process.

import type * as Ort from 'onnxruntime-node';
import {
  type Device,
  type HostTensor,
  type Program,
  type Runtime,
  RuntimeError,
  type Tensor,
  type Tensors,
} from './contract.ts';

export interface NodeRuntimeOptions {
  /** `auto` takes the best that this machine has. */
  readonly device?: Device | 'auto';
  /** Threads of one run. Default: ONNX Runtime's own choice, one per core. */
  readonly threads?: number;
  /**
   * Numbers too small for a normal float32 (or for a normal double in this thread's own JavaScript) count as zero.
   * Default: true, since hidden positions in attention are full of them and each costs as much as a hundred others.
   */
  readonly flushDenormals?: boolean;
}

/**
 * Opens ONNX Runtime on a device of this machine.
 * @throws RuntimeError `device_missing`
 */
export async function createRuntime({
  device = 'auto',
  threads,
  flushDenormals = true,
}: NodeRuntimeOptions = {}): Promise<Runtime> {
  if (device === 'webgpu') {
    throw new RuntimeError('device_missing', 'This version trains and samples on the CPU. Use --device cpu or auto.');
  }
  const ort = await import('onnxruntime-node');
  const sessionOptions: Ort.InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    // Threads that spin on after a run take the cores from whoever runs next: measured, sampling is half as fast.
    extra: { session: { force_spinning_stop: '1', set_denormal_as_zero: flushDenormals ? '1' : '0' } },
    ...(threads && { intraOpNumThreads: threads }),
  };
  return {
    device: 'cpu',
    inPlace: true,
    async load(model) {
      const session = await ort.InferenceSession.create(model, sessionOptions).catch((error: unknown) => {
        throw new RuntimeError('bad_graph', `ONNX Runtime refuses the graph: ${message(error)}`, { cause: error });
      });
      return cpuProgram(ort, session);
    },
    async upload(tensor) {
      return tensor;
    },
    async download(tensor) {
      return host(tensor);
    },
  };
}

function cpuProgram(ort: typeof Ort, session: Ort.InferenceSession): Program {
  const wrap = ({ type, data, dims }: HostTensor) => new ort.Tensor(type, data as Float32Array, dims as number[]);
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(inputs: Tensors, into: Readonly<Record<string, HostTensor>> = {}) {
      const feeds: Record<string, Ort.Tensor> = {};
      for (const name of session.inputNames) {
        const tensor = inputs[name];
        if (!tensor) throw new RuntimeError('run_failed', `The input ${name} is missing.`);
        feeds[name] = wrap(host(tensor));
      }
      const fetches: Record<string, Ort.Tensor | null> = {};
      for (const name of session.outputNames) fetches[name] = into[name] ? wrap(into[name]) : null;
      const results = await session.run(feeds, fetches).catch((error: unknown) => {
        throw new RuntimeError('run_failed', `ONNX Runtime failed: ${message(error)}`, { cause: error });
      });
      const outputs: Record<string, Tensor> = {};
      for (const name of session.outputNames) outputs[name] = into[name] ?? unwrap(results[name]!);
      return outputs;
    },
    async dispose() {
      await session.release();
    },
  };
}

function unwrap(tensor: Ort.Tensor): HostTensor {
  const { type, dims, data } = tensor;
  if (type !== 'float32' && type !== 'int32' && type !== 'int64' && type !== 'bool') {
    throw new RuntimeError('run_failed', `An output has the unexpected type ${type}.`);
  }
  return { location: 'host', type, dims, data: data as HostTensor['data'] };
}

function host(tensor: Tensor): HostTensor {
  if (tensor.location !== 'host') throw new RuntimeError('run_failed', 'This tensor belongs to another device.');
  return tensor;
}

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));
