// Requests to the Hub: the token goes to the Hub alone, redirects are followed by hand, so that no other host sees it.

import { type FetchPolicy, type Retry, retry } from '@ludic/io';
import { type Asking, connectionError, refusal } from './answers.ts';
import { HubError } from './errors.ts';

type Body = NonNullable<RequestInit['body']>;

export interface Outgoing {
  readonly method: string;
  readonly headers: Headers;
  /** Made anew for each attempt. */
  readonly body?: () => Body;
  readonly signal?: AbortSignal;
}

export const DEFAULT_FETCH_POLICY: FetchPolicy = {
  attempts: 5,
  firstPause: 1000,
  longestPause: 60_000,
  longestWait: 60_000,
  idleTimeout: 20_000,
};

const MOST_REDIRECTS = 10;

/** Sends once and follows redirects. @returns any answer that is no redirect */
export async function send(address: string, outgoing: Outgoing, asking: Asking): Promise<Response> {
  const home = new URL(asking.settings.endpoint).origin;
  let url = address;
  let { method, body } = outgoing;
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const headers = new Headers(outgoing.headers);
    headers.set('user-agent', 'ludic');
    headers.delete('authorization');
    const { token } = asking.settings;
    if (token && new URL(url).origin === home) headers.set('authorization', `Bearer ${token}`);
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      ...(body && { body: body(), duplex: 'half' }),
      ...(outgoing.signal && { signal: outgoing.signal }),
    });
    const target = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || response.status === 304 || !target) return response;
    await response.body?.cancel();
    const next = URL.parse(target, url);
    if (!next || !/^https?:$/.test(next.protocol))
      throw new HubError('bad_answer', `${url} redirects to ${target}, which is no web address.`);
    url = next.href;
    if (response.status <= 303 && method !== 'GET' && method !== 'HEAD') {
      method = 'GET';
      body = undefined;
    }
  }
  throw new HubError('bad_answer', `${address} redirects more than ${MOST_REDIRECTS} times.`);
}

/** Bytes of a body are reported to the caller that gave this hint; `@huggingface/hub` does so for uploads. */
interface HintedBody {
  readonly progressHint?: { readonly progressCallback?: (share: number) => void };
}

/**
 * A `fetch` for `@huggingface/hub`: answers come whole, what may pass is tried again, and what is refused is thrown as a
 * HubError.
 */
export function hubFetch(asking: Asking, policy: FetchPolicy, onRetry?: (retry: Retry) => void): typeof fetch {
  return async (input, init = {}) => {
    const method = init.method ?? 'GET';
    const body = bodyOf(init);
    let unreachable = 0;
    return retry(
      policy,
      async () => {
        try {
          const headers = new Headers(init.headers);
          if (body?.length !== undefined) headers.set('content-length', String(body.length));
          // A body may take its time to be sent.
          const signal = method === 'GET' ? AbortSignal.timeout(policy.idleTimeout) : init.signal;
          const response = await send(
            String(input),
            { method, headers, ...(body && { body: body.make }), ...(signal && { signal }) },
            asking,
          );
          if (!response.ok) throw await refusal(response, asking);
          const bytes = await response.arrayBuffer();
          return new Response(bytes.byteLength > 0 ? bytes : null, {
            status: response.status,
            headers: response.headers,
          });
        } catch (error) {
          const transient = connectionError(error, asking);
          // Without a network there is none a little later either.
          if (transient?.failure.code === 'offline' && ++unreachable > 1) throw transient.failure;
          throw transient ?? error;
        }
      },
      onRetry ? { onRetry } : {},
    );
  };
}

/** A body that can be sent again; a file as a stream, counted while it goes. */
function bodyOf(init: RequestInit): { readonly make: () => Body; readonly length?: number } | undefined {
  const { body } = init;
  if (body === undefined || body === null) return undefined;
  if (!(body instanceof Blob)) return { make: () => body };
  const report = (init as HintedBody).progressHint?.progressCallback;
  const make = () => {
    let sent = 0;
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        sent += chunk.length;
        report?.(sent / body.size);
        controller.enqueue(chunk);
      },
    });
    return body.stream().pipeThrough(counter);
  };
  return body.size > 0 ? { make, length: body.size } : { make: () => new Uint8Array() };
}
