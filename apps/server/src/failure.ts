// The one place that turns errors of the packages into errors of the contract. What is not explained here is a fault of
// the program: it goes to the log, and the client learns its number there and nothing else.

import { type ErrorCode, ServiceError } from '@ludic/service';

/** Codes of the packages' errors, by the error's name. */
const KNOWN: Readonly<Record<string, Readonly<Record<string, ErrorCode>>>> = {
  EnvironmentError: { unknown_environment: 'bad_request', bad_config: 'bad_request' },
  GrpoError: {
    bad_setting: 'bad_request',
    too_large: 'unusable',
    run_exists: 'conflict',
    no_run: 'not_found',
    bad_checkpoint: 'unusable',
  },
  HubError: {
    repository_not_found: 'not_found',
    revision_not_found: 'not_found',
    unauthorized: 'not_found',
    gated: 'unusable',
    offline: 'unavailable',
    rate_limited: 'unavailable',
    server_fault: 'unavailable',
  },
  RuntimeError: { device_missing: 'unavailable' },
};

/** Errors whose message is meant for users, whatever their code. */
const EXPLAINED: Readonly<Record<string, ErrorCode>> = {
  EnvironmentError: 'bad_request',
  HistoryError: 'bad_request',
  ModelError: 'unusable',
  HubError: 'unavailable',
  PolicyError: 'unusable',
  GrpoError: 'unusable',
  RuntimeError: 'unavailable',
};

/** @param reference where the log tells more */
export function asServiceError(error: unknown, reference: string): ServiceError {
  if (error instanceof ServiceError) return error;
  const { name, message, code } = error as Error & { readonly code?: string };
  const known = KNOWN[name]?.[code ?? ''] ?? EXPLAINED[name];
  if (known) return new ServiceError(known, message, { cause: error });
  if (code === 'ENOSPC')
    return new ServiceError('unavailable', "The server's disk is full. Nothing that was saved is lost.", {
      cause: error,
    });
  return new ServiceError('internal', `Something went wrong in the server; its log tells more under ${reference}.`, {
    cause: error,
  });
}
