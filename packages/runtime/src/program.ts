// A program over an ONNX Runtime session, in Node and in the browser alike: both builds speak the same interface. And
// the programs of one owner, each loaded when it is first needed.

import type * as Ort from 'onnxruntime-common';
import {
  asRuntimeError,
  type HostTensor,
  type LoadOptions,
  type Program,
  type Runtime,
  RuntimeError,
  type RuntimeErrorCode,
  type Tensor,
  type Tensors,
} from './contract.ts';

/** What a build of ONNX Runtime gives: the sessions and tensors of onnxruntime-common. */
export type OrtBuild = Pick<typeof Ort, 'InferenceSession' | 'Tensor'>;

/** In what a build differs from that of Node, which needs none of this. */
export interface BuildHabits {
  /** Outputs come in tensors of their own, whatever is given for them: they are copied to where they are wanted. */
  readonly copiesOutputs?: boolean;
  /** Makes every call of ONNX Runtime, in its own time. What it throws as a RuntimeError is passed on. */
  readonly call?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** The ONNX Runtime tensor behind each tensor on a device. */
const behind = new WeakMap<Tensor, Ort.Tensor>();

/** @throws RuntimeError `bad_graph` */
export async function openProgram(
  ort: OrtBuild,
  model: Uint8Array,
  options: Ort.InferenceSession.SessionOptions,
  { copiesOutputs = false, call = (work) => work() }: BuildHabits = {},
): Promise<Program> {
  const session = await call(() => ort.InferenceSession.create(model, options)).catch(
    throwAs('bad_graph', 'ONNX Runtime refuses the graph'),
  );
  const wrap = (tensor: Tensor): Ort.Tensor => {
    if (tensor.location === 'host') {
      return new ort.Tensor(tensor.type, tensor.data as Float32Array, tensor.dims as number[]);
    }
    const known = behind.get(tensor);
    if (!known) throw new RuntimeError('run_failed', 'A tensor of another device, or one that was freed, was given.');
    return known;
  };
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(inputs: Tensors, into: Readonly<Record<string, HostTensor>> = {}) {
      const feeds: Record<string, Ort.Tensor> = {};
      for (const name of session.inputNames) {
        const tensor = inputs[name];
        if (!tensor) throw new RuntimeError('run_failed', `The input ${name} is missing.`);
        feeds[name] = wrap(tensor);
      }
      const fetches: Record<string, Ort.Tensor | null> = {};
      for (const name of session.outputNames) fetches[name] = into[name] && !copiesOutputs ? wrap(into[name]) : null;
      const results = await call(() => session.run(feeds, fetches)).catch(throwAs('run_failed', 'ONNX Runtime failed'));
      const outputs: Record<string, Tensor> = {};
      for (const name of session.outputNames) {
        const target = into[name];
        if (target && copiesOutputs) (target.data as Float32Array).set(results[name]!.data as Float32Array);
        outputs[name] = target ?? unwrap(results[name]!);
      }
      return outputs;
    },
    async dispose() {
      await call(() => session.release()).catch((error: unknown) => {
        // What lay on a lost device is gone already.
        if (!(error instanceof RuntimeError && error.code === 'device_lost')) throw error;
      });
    },
  };
}

/** Throws what went wrong in ONNX Runtime with what that is; a RuntimeError as it stands. */
const throwAs =
  (code: RuntimeErrorCode, what: string) =>
  (error: unknown): never => {
    throw asRuntimeError(code, what, error);
  };

function unwrap(tensor: Ort.Tensor): Tensor {
  const { type, dims } = tensor;
  if (type !== 'float32' && type !== 'int32' && type !== 'int64' && type !== 'bool') {
    throw new RuntimeError('run_failed', `An output has the unexpected type ${type}.`);
  }
  if (tensor.location !== 'gpu-buffer') {
    return { location: 'host', type, dims, data: tensor.data as HostTensor['data'] };
  }
  const onDevice: Tensor = {
    location: 'device',
    type,
    dims,
    dispose() {
      behind.delete(onDevice);
      tensor.dispose();
    },
  };
  behind.set(onDevice, tensor);
  return onDevice;
}

/** Programs of one runtime by name, each built and loaded when it is first asked for. */
export class Programs {
  readonly #runtime: Pick<Runtime, 'load'>;
  readonly #options: LoadOptions;
  readonly #loaded = new Map<string, Promise<Program>>();

  /** @param options of programs that have none of their own */
  constructor(runtime: Pick<Runtime, 'load'>, options: LoadOptions = {}) {
    this.#runtime = runtime;
    this.#options = options;
  }

  /** @throws RuntimeError `bad_graph` */
  get(name: string, build: () => Uint8Array, options = this.#options): Promise<Program> {
    const known = this.#loaded.get(name);
    if (known) return known;
    const program = this.#runtime.load(build(), options);
    this.#loaded.set(name, program);
    return program;
  }

  async dispose(): Promise<void> {
    for (const program of this.#loaded.values()) {
      await program.then(
        (loaded) => loaded.dispose(),
        // One that failed to load has rejected the call that loaded it.
        () => {},
      );
    }
    this.#loaded.clear();
  }
}
