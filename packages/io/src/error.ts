// Errors that tell the user what to do next.

/**
 * An error whose message is a complete sentence for the user: it can be shown without a stack trace. A package names its
 * codes in a subclass.
 */
export class LudicError<Code extends string = string> extends Error {
  readonly code: Code;
  /** Tells an explained error from a fault of the program, also after it has crossed a package boundary. */
  readonly explained = true;

  constructor(name: string, code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
    this.code = code;
  }
}

/** Whether an error is meant for the user. */
export const isExplained = (error: unknown): error is LudicError =>
  error instanceof Error && (error as Partial<LudicError>).explained === true;
