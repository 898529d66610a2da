// What can go wrong between the server and the processes that hold models, and errors on their way from one to the other.

import { isExplained, LudicError, type SerializedError, serializeError } from '@ludic/io';

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

export class InferenceError extends LudicError<InferenceErrorCode> {
  override readonly name = 'InferenceError';
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined;

  constructor(code: InferenceErrorCode, message: string, retryAfter?: number) {
    super(code, message);
    this.retryAfter = retryAfter;
  }
}

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why there was no process at all. */
  readonly error?: string;
  /** It gave no sign of life, and the server ended it. */
  readonly wasSilent?: boolean;
}

/** What a process did at its end, in words. */
export function howItEnded({ code, signal, error }: ProcessExit): string {
  if (error !== undefined) return `could not be started: ${error}`;
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
}

/** The process of a model ended while it played for a job. */
export class ModelDeath extends InferenceError {
  readonly exit: ProcessExit;
  /** The end of what it printed. */
  readonly printed: string;

  constructor(message: string, exit: ProcessExit, printed: string) {
    super('worker_died', message);
    this.exit = exit;
    this.printed = printed;
  }
}

/**
 * An error in a process that holds a model, as users are told of it.
 * @param hidden places of files on this machine, each with the name that users are shown instead
 */
export function explainedOrFault(error: unknown, hidden: readonly (readonly [string, string])[] = []): SerializedError {
  if (isExplained(error)) {
    const message = hidden.reduce((text, [from, to]) => text.replaceAll(from, to), error.message);
    return { ...serializeError(error), message, stack: error.stack };
  }
  process.stderr.write(`${(error as Error)?.stack ?? String(error)}\n`);
  return {
    name: 'InferenceError',
    code: 'fault',
    message: 'The model could not answer; the log of the server tells more.',
    explained: true,
  };
}
