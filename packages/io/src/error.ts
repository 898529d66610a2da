// Errors that tell the user what to do next, and how errors cross between processes.

/**
 * An error whose message is a complete sentence for the user: it can be shown without a stack trace. A package names its
 * errors and their codes in a subclass.
 */
export class LudicError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** False for a fault of the program that the user can do nothing about. */
  get explained(): boolean {
    return true;
  }
}

/** Whether an error is meant for the user. */
export const isExplained = (error: unknown): error is LudicError =>
  error instanceof Error && (error as Partial<LudicError>).explained === true;

/** An error as plain data. */
export interface SerializedError {
  readonly name: string;
  readonly code?: string | undefined;
  readonly message: string;
  readonly explained: boolean;
  /** Where it came from, for the log of the side that reads it. */
  readonly stack?: string | undefined;
}

/** An error without its stack and cause, as JSON can carry it. The message of what is no Error is its text. */
export function serializeError(error: unknown): SerializedError {
  const { name, message, code }: Error & { readonly code?: string } =
    error instanceof Error ? error : new Error(String(error));
  return { name, code, message, explained: isExplained(error) };
}

/** An error with the name, code and message of the one that `data` was; not an instance of its class. */
export function deserializeError({ name, code, message, explained, stack }: SerializedError): Error {
  const error = explained && code !== undefined ? new LudicError(code, message) : new Error(message);
  return Object.assign(error, { name, code }, stack !== undefined && { stack });
}
