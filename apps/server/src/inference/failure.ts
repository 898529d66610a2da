// Errors on their way from one process to another.

import { InferenceError } from './errors.ts';
import type { Failure } from './protocol.ts';

/** Errors of the packages, whose message is meant for users. */
const EXPLAINED = new Set([
  'EnvironmentError',
  'HistoryError',
  'ModelError',
  'HubError',
  'PolicyError',
  'RuntimeError',
]);

/** @param hidden texts that users are shown as the other: places of files on this machine */
export function failureOf(error: unknown, hidden: readonly (readonly [string, string])[] = []): Failure {
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

/** The error that a failure was, with its name and code. */
export function errorOf({ name, code, message }: Failure): Error {
  if (name === 'InferenceError') return new InferenceError('fault', message);
  return Object.assign(new Error(message), { name, code });
}
