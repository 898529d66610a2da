// ONNX Runtime itself, lent to a library that makes its sessions of the same build.

import type * as Ort from 'onnxruntime-common';

export interface SharedBuild {
  readonly InferenceSession: typeof Ort.InferenceSession;
  /** For the options of a session, which then computes where this is lent from. */
  readonly executionProviders: NonNullable<Ort.InferenceSession.SessionOptions['executionProviders']>;
  /** Makes every call of a session, in its own time. @throws RuntimeError `device_lost` and what the call throws */
  readonly call: <T>(work: () => Promise<T>) => Promise<T>;
}
