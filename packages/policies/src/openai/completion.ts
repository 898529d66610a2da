// One request to an endpoint: from messages to a reply, or to what went wrong and for which requests.

import type { Message } from '@ludic/history';
import type { EndpointErrorCode } from '@ludic/inference/internal';
import { askedWait, parseObject } from '@ludic/io';
import type { Reply } from '../contract.ts';

import { type EndpointSettings, TIMEOUT } from './settings.ts';
import { restoreStop } from './stop-text.ts';

/**
 * What a failure is of. endpoint: every request would fail alike. connection: no server listens there, or not yet.
 * transient: the next try may succeed. prompt: this prompt will never get a reply.
 */
export type FailureScope = 'endpoint' | 'connection' | 'transient' | 'prompt';

export interface FailedCompletion {
  readonly finish: 'failed';
  readonly code: EndpointErrorCode;
  readonly scope: FailureScope;
  /** One sentence; never with the key. */
  readonly error: string;
  /** Milliseconds that the server asked to wait. */
  readonly wait?: number | undefined;
}

export interface Ask {
  readonly messages: readonly Message[];
  readonly seed: number;
}

/** Rejects where `signal` was aborted, and never otherwise. */
export async function complete(
  settings: EndpointSettings,
  ask: Ask,
  signal: AbortSignal,
): Promise<Reply | FailedCompletion> {
  const { apiKey, timeout = TIMEOUT } = settings;
  const late = AbortSignal.timeout(1000 * timeout);
  try {
    const response = await fetch(endpointOf(settings), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(bodyOf(settings, ask)),
      signal: AbortSignal.any([signal, late]),
    });
    const text = await response.text();
    return response.ok ? readCompletion(text, settings) : refusal(response, text, settings);
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted)
      return failed('timed_out', 'transient', `${endpointOf(settings)} gave no answer within ${timeout} s.`);
    return disconnected(settings, error);
  }
}

const failed = (code: EndpointErrorCode, scope: FailureScope, error: string): FailedCompletion => ({
  finish: 'failed',
  code,
  scope,
  error,
});

const endpointOf = ({ baseUrl }: EndpointSettings) => `${baseUrl.replace(/\/+$/, '')}/chat/completions`;

const bodyOf = ({ model, temperature, topP, maxCompletionLength, stop }: EndpointSettings, ask: Ask) => ({
  model,
  messages: ask.messages,
  temperature,
  top_p: topP,
  max_tokens: maxCompletionLength,
  seed: ask.seed,
  ...(stop.length > 0 && { stop }),
});

/** The part of a chat completion that counts here. */
interface Completion {
  readonly choices?: readonly {
    readonly message?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
}

function readCompletion(text: string, settings: EndpointSettings): Reply | FailedCompletion {
  const choice = (parseObject(text) as Completion | undefined)?.choices?.[0];
  const content = choice?.message?.content;
  // A model may spend all its tokens on thoughts, or refuse to speak: that is an empty reply.
  if (!choice?.message || (content !== undefined && content !== null && typeof content !== 'string')) {
    const error = `${endpointOf(settings)} answered with something that is no chat completion.`;
    return failed('bad_answer', 'transient', error);
  }
  if (choice.finish_reason === 'length') return { text: content ?? '', finish: 'length' };
  return { text: restoreStop(content ?? '', settings.stop), finish: 'stop' };
}

/** What a status other than 2xx means. */
function refusal(response: Response, text: string, settings: EndpointSettings): FailedCompletion {
  const { status, headers } = response;
  const url = endpointOf(settings);
  const said = `(${[status, detailOf(text, settings.apiKey)].filter((part) => part !== '').join(': ')})`;
  const fail = (code: EndpointErrorCode, scope: FailureScope, error: string): FailedCompletion => ({
    ...failed(code, scope, error),
    wait: askedWait(headers),
  });
  switch (status) {
    case 401:
    case 402:
    case 403: {
      const wish = settings.apiKey === undefined ? 'asks for an API key' : 'does not accept the API key';
      return fail('unauthorized', 'endpoint', `${url} ${wish} ${said}.`);
    }
    case 404:
    case 405: {
      const guess = `has no model ${settings.model}, or is no chat-completions endpoint`;
      return fail('unknown_model', 'endpoint', `${url} ${guess} ${said}. Check the URL and the name of the model.`);
    }
    case 429:
      return fail('rate_limited', 'transient', `${url} takes no more requests for now ${said}.`);
    case 408:
    case 409:
    case 425:
      return fail('server_failed', 'transient', `${url} could not answer ${said}.`);
    default:
      return status >= 500
        ? fail('server_failed', 'transient', `${url} could not answer ${said}.`)
        : fail('bad_request', 'prompt', `${url} turned a request down ${said}.`);
  }
}

/** The server's own words, on one line, cut, and without the key that it may repeat. */
function detailOf(text: string, apiKey: string | undefined): string {
  const body = parseObject(text) as
    | { error?: { message?: unknown } | string; message?: unknown; detail?: unknown }
    | undefined;
  const told = (typeof body?.error === 'string' ? body.error : body?.error?.message) ?? body?.message ?? body?.detail;
  if (typeof told !== 'string') return '';
  const safe = apiKey === undefined ? told : told.replaceAll(apiKey, '***');
  const line = safe.replaceAll(/\s+/g, ' ').trim();
  return (line.length > 200 ? `${line.slice(0, 200)}…` : line).replace(/\.$/, '');
}

/** System errors that say that nothing is there, not that something went away. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

function disconnected(settings: EndpointSettings, error: unknown): FailedCompletion {
  const code = ((error as Error).cause as { code?: unknown } | undefined)?.code;
  const why = typeof code === 'string' ? ` (${code})` : '';
  const url = endpointOf(settings);
  return UNREACHABLE.has(String(code))
    ? failed(
        'unreachable',
        'connection',
        `${url} cannot be reached${why}. Is the server running, and is the URL right?`,
      )
    : failed('unreachable', 'transient', `The connection to ${url} broke off${why}.`);
}
