// What a user did wrong, in one sentence, and the one place that maps errors to exit codes.

import { isExplained, LudicError } from '@ludic/io';

/** Bad input: printed as it is, exit code 2. */
export class UsageError extends LudicError<'usage'> {
  override readonly name = 'UsageError';

  constructor(message: string) {
    super('usage', message);
  }
}

/** Faults that are not the user's, although they are explained. */
const FAULTS = new Set([
  'not_finite',
  'disagreement',
  'write_failed',
  'run_failed',
  'offline',
  'rate_limited',
  'server_fault',
  'cut_off',
  'bad_answer',
  'bad_checksum',
  'disk_full',
  'cache_unusable',
  'unreachable',
  'timed_out',
  'too_long',
  'server_failed',
  'worker_failed',
  'game_stuck',
  'bad_game',
  'too_slow',
  'too_many_requests',
  'internal',
  'unavailable',
  'nats_unreachable',
  'nats_refused',
]);
/** Whose password or key is missing or wrong, and where it is said. */
const KEYS: Readonly<Record<string, string>> = {
  PolicyError: ' Set OPENAI_API_KEY to a key of that endpoint.',
  ServiceError: ' LUDIC_PASSWORD or --password says it.',
};

/** What may be done beside what the error says. */
const HINTS: Readonly<Record<string, string>> = {
  unknown_environment: ' A game in a file of its own is named by its path: --env ./my-game.ts',
  unknown_strategy: ' A history of your own is in a file that is named: --plugin ./mine.ts',
};

interface ExplainedFailure extends Error {
  readonly code?: string;
  /** What a service has against each field of a request. */
  readonly details?: readonly { readonly field: string; readonly message: string }[];
}

/** Prints what went wrong. Returns the exit code: 2 for bad input, 1 for anything else. */
export function report(error: unknown): number {
  const { name, message, code, stack, details } = error as ExplainedFailure;
  if (isExplained(error)) {
    const hint = (code === 'unauthorized' && KEYS[name]) || HINTS[code ?? ''] || '';
    const fields = (Array.isArray(details) ? details : []).map(({ field, message: what }) => `\n  ${field}: ${what}`);
    process.stderr.write(`ludic: ${message}${hint}${fields.join('')}\n`);
    return code !== undefined && FAULTS.has(code) ? 1 : 2;
  }
  if (code === 'ENOSPC') {
    process.stderr.write(
      'ludic: the disk is full. Free some space and go on with --resume; nothing that was saved is lost.\n',
    );
    return 1;
  }
  process.stderr.write(`ludic: ${stack ?? String(error)}\n`);
  return 1;
}
