// What can go wrong between the server and the processes that hold models.

export type InferenceErrorCode =
  /** As much is worked on as may be at once. */
  | 'busy'
  /** A model that this machine has no room for. */
  | 'too_large'
  /** The process of the model ended, and not by our will. */
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
