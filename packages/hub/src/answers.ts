// What the Hub's answers mean: which refusals may pass, and the sentence for each that does not.

import { type Answer, askedWait, isTransientStatus, parseObject, TransientError } from '@ludic/io';
import { HubError } from './errors.ts';
import { type HubReference, referenceText } from './reference.ts';
import type { HubSettings } from './settings.ts';

/** Who asks what of whom. */
export interface Asking {
  readonly settings: HubSettings;
  readonly reference: HubReference;
  readonly purpose: 'read' | 'write';
}

type RefusedAnswer = Pick<Answer, 'status' | 'headers' | 'text'>;

/** The error of an answer that is no success: a TransientError where it may pass. */
export async function refusal(response: RefusedAnswer, asking: Asking): Promise<HubError | TransientError<HubError>> {
  const { status } = response;
  const said = await explanation(response);
  if (status === 429) return rateLimited(response, asking);
  if (isTransientStatus(status)) {
    const sentence = `${host(asking)} answers with status ${status}${said}. That is a fault at its side: try again later.`;
    return new TransientError(new HubError('server_fault', sentence, { status }), askedWait(response.headers));
  }
  const code = response.headers.get('x-error-code');
  const error = (kind: HubError['code'], sentence: string) => new HubError(kind, sentence, { status });
  const { reference, settings, purpose } = asking;
  const { repo, revision } = reference;
  const page = `${settings.endpoint}/${repo}`;
  const tokens = `${settings.endpoint}/settings/tokens`;
  if (code === 'GatedRepo') {
    const sentence = settings.token
      ? `Accept its terms at ${page} with the account that HF_TOKEN belongs to.`
      : `Accept its terms at ${page}, then set HF_TOKEN to a token of that account (${tokens}).`;
    return error('gated', `${repo} is gated. ${sentence}`);
  }
  if (code === 'RevisionNotFound')
    return error('revision_not_found', `${repo} has no revision ${revision}. ${page}/tree/main lists its branches.`);
  if (code === 'EntryNotFound')
    return error('entry_not_found', `A file of ${referenceText(reference)} is gone from ${host(asking)}${said}.`);
  if (status === 401 && !settings.token) {
    return error(
      'unauthorized',
      `There is no public model ${repo} at ${host(asking)}. Check the name; where the model is private or gated, set HF_TOKEN to a token that may ${purpose} it (${tokens}).`,
    );
  }
  if (status === 401) {
    return error(
      'unauthorized',
      `${host(asking)} does not accept the token for ${repo}${said}. Check HF_TOKEN, or make a new token at ${tokens}.`,
    );
  }
  if (status === 403) {
    return error(
      'forbidden',
      `The token may not ${purpose} ${repo}${said}. Set HF_TOKEN to one that may (${tokens}), or accept the terms at ${page} where there are any.`,
    );
  }
  if (status === 404)
    return error('repository_not_found', `There is no model ${repo} at ${host(asking)}, or the token may not see it.`);
  return error('refused', `${host(asking)} refuses: status ${status}${said}.`);
}

function rateLimited(response: RefusedAnswer, asking: Asking): TransientError<HubError> {
  const wait = askedWait(response.headers);
  const when = wait === undefined ? 'Try again later' : `Try again in ${Math.ceil(wait / 1000)} s`;
  const advice = asking.settings.token ? '' : '; with HF_TOKEN set the limit is higher';
  const sentence = `${host(asking)} has had too many requests from here. ${when}${advice}.`;
  return new TransientError(new HubError('rate_limited', sentence, { status: response.status }), wait);
}

/** What the server says of it, in brackets. */
async function explanation(response: RefusedAnswer): Promise<string> {
  const header = response.headers.get('x-error-message');
  const text = await response.text().catch(() => '');
  if (header) return ` (${header})`;
  const { error, message } = parseObject(text) ?? {};
  const said = error ?? message;
  return typeof said === 'string' ? ` (${said.slice(0, 300)})` : '';
}

/** Codes of connections that never came about. */
const UNREACHABLE =
  /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ENETDOWN|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/;

/** What an exception of `fetch`, or of reading its body, means; undefined where it is no matter of the network. */
export function connectionError(error: unknown, asking: Asking): TransientError<HubError> | undefined {
  const { name, cause, message } = error as Error & { cause?: NodeJS.ErrnoException & { errors?: unknown } };
  if (name !== 'TypeError' && name !== 'AbortError' && name !== 'TimeoutError') return undefined;
  if (name === 'TypeError' && cause === undefined) return undefined;
  const reason = cause?.code ?? cause?.message ?? message;
  if (UNREACHABLE.test(reason)) {
    return new TransientError(
      new HubError('offline', `${host(asking)} cannot be reached (${reason}).`, { cause: error as Error }),
    );
  }
  const what = name === 'TypeError' ? `was cut (${reason})` : 'fell silent';
  return new TransientError(
    new HubError('cut_off', `The connection to ${host(asking)} ${what}. Run the same command again.`, {
      cause: error as Error,
    }),
  );
}

export const host = ({ settings }: Asking): string => new URL(settings.endpoint).host;
