// The gateway: requests of agents in OpenAI's dialect to the rollouts that they belong to. A rollout is named by its address
// and by its key; both are 128 random bits, and end with the rollout. Where rollouts are leased the key alone opens one.

import {
  type ChatAnswer,
  type ChatCompletionRequest,
  CompletionChunks,
  chatComplaint,
  chatRequest,
  chatTask,
  completion,
} from '@ludic/chat';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import { AskedRequest, RequestRefused } from './asked.ts';
import type { LeaseDesk } from './lease-desk.ts';
import { finishLease, LEASE_OVER, rewardLease } from './lease-requests.ts';
import type { AgentRollout, RolloutAddress, RolloutDesk } from './rollout.ts';

/** Bytes of a request. */
const LONGEST_REQUEST = 2 ** 22;
/** The name of the model for agents that ask which there are. */
const MODEL = 'policy';

/** Where names come from that must not be guessed. */
export interface Secrets {
  /** 128 random bits as text. */
  readonly draw: () => string;
  /** A hash that nothing of the name can be told from. */
  readonly hash: (name: string) => string;
}

interface OpenRollout {
  readonly rollout: AgentRollout;
  readonly id: string;
  readonly names: readonly string[];
  /** Answers by idempotency key, and the newest by its request, for clients that ask again. */
  readonly byKey: Map<string, AskedRequest>;
  readonly byBody: Map<string, AskedRequest>;
}

/** An HTTP application that gives agents the policy's replies. */
export class RolloutGateway implements RolloutDesk {
  readonly #origin: () => Promise<string>;
  readonly #secrets: Secrets;
  readonly #leases: LeaseDesk | undefined;
  #answers = 0;
  /** By the hashes of their names, so that a comparison tells nothing of a name. */
  readonly #rollouts = new Map<string, OpenRollout>();
  readonly #app = new Hono();

  /**
   * @param origin where the application can be reached, such as `http://127.0.0.1:4000`
   * @param leases of agents elsewhere; their addresses may be read by others, in logs
   */
  constructor(origin: () => Promise<string>, secrets: Secrets, leases?: LeaseDesk) {
    this.#origin = origin;
    this.#secrets = secrets;
    this.#leases = leases;
    const app = this.#app;
    app.use(
      bodyLimit({ maxSize: LONGEST_REQUEST, onError: () => Response.json(errorBody(TOO_LARGE), { status: 413 }) }),
    );
    for (const prefix of ['', '/rollouts/:name']) {
      app.post(`${prefix}/v1/chat/completions`, (context) => this.#chat(context));
      app.get(`${prefix}/v1/models`, (context) =>
        context.json({ object: 'list', data: [{ id: MODEL, object: 'model', created: 0, owned_by: 'ludic' }] }),
      );
    }
    if (leases) {
      app.post('/rollouts/:name/reward', async (context) => {
        const { id, rollout } = this.#rolloutOf(context);
        return context.json(rewardLease(leases, id, rollout.turns, await jsonOf(context)));
      });
      app.post('/rollouts/:name/finish', async (context) => {
        const { id } = this.#rolloutOf(context);
        return context.json(finishLease(leases, id, await jsonOf(context)));
      });
    }
    app.notFound(() => refusal(new RequestRefused(404, 'unknown_url', 'Ask POST /v1/chat/completions.')));
    app.onError((error) => refusal(error));
  }

  readonly fetch = (request: Request): Response | Promise<Response> => this.#app.fetch(request);

  async open(rollout: AgentRollout): Promise<RolloutAddress> {
    const id = this.#secrets.draw();
    const apiKey = `ludic-${this.#secrets.draw()}`;
    const origin = await this.#origin();
    const names = (this.#leases ? [apiKey] : [id, apiKey]).map(this.#secrets.hash);
    const open = { rollout, id, names, byKey: new Map(), byBody: new Map() };
    for (const one of names) this.#rollouts.set(one, open);
    return { baseURL: `${origin}/rollouts/${id}/v1`, apiKey, rolloutId: id };
  }

  close(rollout: AgentRollout): void {
    for (const [name, open] of this.#rollouts) if (open.rollout === rollout) this.#rollouts.delete(name);
  }

  async #chat(context: Context): Promise<Response> {
    const open = this.#rolloutOf(context);
    const request = await readRequest(context);
    // Nothing here reads the clock, and no client of a rollout needs it.
    const head = { id: `chatcmpl-${++this.#answers}`, created: 0, model: request.model };
    const answer = await this.#answer(open, request, context);
    if (!request.stream) return context.json(completion(head, answer, request));
    return streamSSE(context, async (sse) => {
      for (const chunk of chunksOf(new CompletionChunks(head, request), answer))
        await sse.writeSSE({ data: JSON.stringify(chunk) });
      await sse.writeSSE({ data: '[DONE]' });
    });
  }

  async #answer(open: OpenRollout, request: ChatCompletionRequest, context: Context): Promise<ChatAnswer> {
    if (!this.#leases) return this.#ask(open, request, context).answer;
    const release = this.#leases.hold(open.id);
    if (!release) throw LEASE_OVER;
    try {
      return await this.#ask(open, request, context).answer;
    } finally {
      release();
    }
  }

  /** A request that is asked again gets the answer of the first time, also where that is still to come. */
  #ask({ rollout, byKey, byBody }: OpenRollout, request: ChatCompletionRequest, { req }: Context): AskedRequest {
    const body = JSON.stringify({ ...request, stream: undefined, stream_options: undefined });
    const key = req.header('idempotency-key');
    const isRetry = Number(req.header('x-stainless-retry-count') ?? 0) > 0;
    const before = (key !== undefined ? byKey.get(key) : undefined) ?? (isRetry ? byBody.get(body) : undefined);
    if (before) return before;
    const asked = new AskedRequest(chatTask(request, () => 0));
    rollout.ask(asked);
    if (key !== undefined) byKey.set(key, asked);
    byBody.set(body, asked);
    return asked;
  }

  #rolloutOf({ req }: Context): OpenRollout {
    const bearer = /^Bearer (.+)$/i.exec(req.header('authorization') ?? '')?.[1];
    const name = req.param('name');
    for (const secret of [name, bearer]) {
      const open = secret === undefined ? undefined : this.#rollouts.get(this.#secrets.hash(secret));
      // A key is good for its own rollout alone.
      if (open && (!this.#leases || name === undefined || name === open.id)) return open;
    }
    throw new RequestRefused(401, 'invalid_api_key', 'This is the key of no rollout that is open.');
  }
}

const TOO_LARGE = new RequestRefused(413, 'request_too_large', `A request has at most ${LONGEST_REQUEST} bytes.`);

/** @throws RequestRefused */
const jsonOf = ({ req }: Context): Promise<unknown> =>
  req.json().catch(() => {
    throw new RequestRefused(400, 'invalid_json', 'The body of the request is no JSON.');
  });

/** @throws RequestRefused */
async function readRequest(context: Context): Promise<ChatCompletionRequest> {
  const body = await jsonOf(context);
  const parsed = chatRequest.safeParse(body);
  if (!parsed.success) {
    const { message, reason, details } = chatComplaint(parsed.error);
    throw new RequestRefused(400, reason, message, details[0]?.field || null);
  }
  if (parsed.data.logprobs)
    throw new RequestRefused(
      400,
      'unsupported_parameter',
      'A rollout tells no log-probabilities; leave it out.',
      'logprobs',
    );
  return parsed.data;
}

/** A whole answer as a stream. */
const chunksOf = (chunks: CompletionChunks, answer: ChatAnswer): object[] => [
  ...answer.choices.flatMap(({ text, tokens }, choice) => (text === '' ? [] : chunks.of({ choice, text, tokens }))),
  ...chunks.end(answer),
];

function refusal(error: unknown): Response {
  const known =
    error instanceof RequestRefused
      ? error
      : new RequestRefused(500, 'server_error', 'The gateway failed at this request.');
  return Response.json(errorBody(known), { status: known.status });
}

const errorBody = ({ message, code, param, status }: RequestRefused) => ({
  error: { message, type: status >= 500 ? 'server_error' : 'invalid_request_error', param, code },
});
