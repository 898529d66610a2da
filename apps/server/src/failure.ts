// The one place that turns errors of the packages into errors of the contract. What is not explained here is a fault of
// the program: it goes to the log, and the client learns its number there and nothing else.

import type { EnvironmentErrorCode } from '@ludic/environments';
import type { GrpoErrorCode } from '@ludic/grpo';
import type { HistoryErrorCode } from '@ludic/history';
import type { HubErrorCode } from '@ludic/hub';
import type { PolicyErrorCode } from '@ludic/inference';
import type { ModelErrorCode } from '@ludic/models';
import type { RuntimeErrorCode } from '@ludic/runtime';
import { type ErrorCode, ServiceError } from '@ludic/service';
import type { InferenceErrorCode } from './inference/errors.ts';
import { forClients } from './wording.ts';

/** Codes of the packages' errors, by the error's name. `internal`: no request should bring that about. */
interface Codes {
  readonly EnvironmentError: Readonly<Record<EnvironmentErrorCode, ErrorCode>>;
  readonly HistoryError: Readonly<Record<HistoryErrorCode, ErrorCode>>;
  readonly ModelError: Readonly<Record<ModelErrorCode, ErrorCode>>;
  readonly HubError: Readonly<Record<HubErrorCode, ErrorCode>>;
  readonly PolicyError: Readonly<Record<PolicyErrorCode, ErrorCode>>;
  readonly GrpoError: Readonly<Record<GrpoErrorCode, ErrorCode>>;
  readonly RuntimeError: Readonly<Record<RuntimeErrorCode, ErrorCode>>;
  readonly InferenceError: Readonly<Record<InferenceErrorCode, ErrorCode>>;
}

export const CODES: Codes = {
  EnvironmentError: {
    unknown_environment: 'bad_request',
    bad_config: 'bad_request',
    bad_seed: 'bad_request',
    // A file of the server's user that a process of its cannot load any more.
    bad_definition: 'unusable',
    episode_over: 'internal',
    bad_opponent: 'internal',
    bad_game: 'internal',
  },
  HistoryError: { unknown_strategy: 'bad_request', bad_strategy: 'internal' },
  ModelError: {
    not_a_model: 'unusable',
    unknown_family: 'unusable',
    bad_config: 'unusable',
    bad_safetensors: 'unusable',
    bad_gguf: 'unusable',
    bad_torch_file: 'unusable',
    bad_tensors: 'unusable',
    bad_tokenizer: 'unusable',
    bad_template: 'unusable',
    bad_adapter: 'unusable',
    write_failed: 'unavailable',
    not_fetched: 'unavailable',
    not_allowed: 'unavailable',
  },
  HubError: {
    bad_reference: 'bad_request',
    // The Hub says so of what is not there as well.
    unauthorized: 'not_found',
    repository_not_found: 'not_found',
    revision_not_found: 'not_found',
    entry_not_found: 'unusable',
    no_token: 'unusable',
    gated: 'not_found',
    forbidden: 'not_found',
    refused: 'unusable',
    offline: 'unavailable',
    rate_limited: 'unavailable',
    server_fault: 'unavailable',
    cut_off: 'unavailable',
    bad_answer: 'unavailable',
    bad_checksum: 'unavailable',
    disk_full: 'unavailable',
    cache_unusable: 'unavailable',
  },
  PolicyError: {
    prompt_too_long: 'unusable',
    bad_setting: 'bad_request',
    not_finite: 'unusable',
    bad_model: 'unusable',
    bad_token: 'internal',
    missing_library: 'unavailable',
    // Of endpoints elsewhere, which the service asks nothing.
    unauthorized: 'internal',
    unknown_model: 'internal',
    bad_request: 'internal',
    unreachable: 'internal',
    timed_out: 'internal',
    rate_limited: 'internal',
    server_failed: 'internal',
    bad_answer: 'internal',
  },
  GrpoError: {
    bad_setting: 'bad_request',
    too_large: 'unusable',
    collapsed: 'unusable',
    not_finite: 'unusable',
    bad_checkpoint: 'unusable',
    run_exists: 'conflict',
    run_busy: 'conflict',
    // A folder among the models that is none.
    no_run: 'unusable',
    disagreement: 'internal',
    worker_failed: 'unavailable',
    game_stuck: 'unusable',
    bad_plugin: 'unusable',
  },
  RuntimeError: {
    device_missing: 'unavailable',
    device_lost: 'unavailable',
    run_failed: 'unavailable',
    bad_graph: 'internal',
  },
  InferenceError: {
    busy: 'too_many_requests',
    too_large: 'unusable',
    worker_died: 'unavailable',
    timed_out: 'too_long',
    closed: 'unavailable',
    fault: 'internal',
  },
};

/** @param reference where the log tells more */
export function asServiceError(error: unknown, reference: string): ServiceError {
  if (error instanceof ServiceError) return error;
  const fields: { readonly name?: unknown; readonly message?: unknown; readonly code?: unknown; retryAfter?: unknown } =
    typeof error === 'object' && error !== null ? error : {};
  const known = codeOf(String(fields.name), String(fields.code));
  if (known !== undefined && known !== 'internal') {
    const { retryAfter } = fields;
    return new ServiceError(known, forClients(String(fields.message)), {
      cause: error,
      ...(typeof retryAfter === 'number' && { retryAfter }),
      ...(fields.code === 'prompt_too_long' && { reason: 'context_length_exceeded' }),
    });
  }
  if (fields.code === 'ENOSPC' || fields.code === 'EDQUOT')
    return new ServiceError('unavailable', "The server's disk is full. Nothing that was saved is lost.", {
      cause: error,
    });
  return new ServiceError('internal', `Something went wrong in the server; its log tells more under ${reference}.`, {
    cause: error,
  });
}

function codeOf(name: string, code: string): ErrorCode | undefined {
  const codes: Readonly<Record<string, Readonly<Record<string, ErrorCode>>>> = { ...CODES };
  if (!Object.hasOwn(codes, name)) return undefined;
  return Object.hasOwn(codes[name]!, code) ? codes[name]![code] : undefined;
}
