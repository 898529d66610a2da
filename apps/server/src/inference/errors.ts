// What can go wrong between the server and the processes that hold models, and errors on their way from one to the other.

import type { SerializedError } from './protocol.ts';

export type InferenceErrorCode =
  /** As much is worked on as may be at once. */
  | 'busy'
  /** A model that this machine has no room for. */
  | 'too_large'
  /** The process of the model ended, and the server did not end it. */
  | 'worker_died'
  /** It took longer than an answer may. */
  | 'timed_out'
  /** The server is shutting down. */
  | 'closed'
  /** A fault of the program; the log tells more. */
  | 'fault';

export class InferenceError extends Error {
  override readonly name = 'InferenceError';
  readonly code: InferenceErrorCode;
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined;

  constructor(code: InferenceErrorCode, message: string, retryAfter?: number) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** Errors of the packages, whose message is meant for users. */
const EXPLAINED = new Set([
  'EnvironmentError',
  'HistoryError',
  'ModelError',
  'HubError',
  'PolicyError',
  'RuntimeError',
]);

/** @param hidden places of files on this machine, each with the name that users are shown instead */
export function serializeError(error: unknown, hidden: readonly (readonly [string, string])[] = []): SerializedError {
  const { name, code, message, stack } = error as Error & { readonly code?: unknown };
  if (EXPLAINED.has(name) && typeof code === 'string') {
    return { name, code, message: hidden.reduce((text, [from, to]) => text.replaceAll(from, to), message) };
  }
  process.stderr.write(`${stack ?? String(error)}\n`);
  return {
    name: 'InferenceError',
    code: 'fault',
    message: 'The model could not answer; the log of the server tells more.',
  };
}

/** The error again, with its name and code. */
export function deserializeError({ name, code, message }: SerializedError): Error {
  if (name === 'InferenceError') return new InferenceError('fault', message);
  return Object.assign(new Error(message), { name, code });
}
