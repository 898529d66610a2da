// From an endpoint of the contract to a route: the request is checked against the endpoint's schemas before the handler
// sees it, and nothing that a schema did not let through reaches one.

import type { Endpoint } from '@ludic/service';
import { badChatRequest, badRequest } from '@ludic/service/internal';
import type { Context, Env, Hono } from 'hono';
import type { z } from 'zod';

/** What is known of a request before its handler runs. */
export interface Caller extends Env {
  readonly Variables: {
    /** Name beside the password that was given. */
    who: string;
    /** The parsed JSON of a request that has a body. */
    body: unknown;
    /** The endpoint's path in the contract. */
    route: string | undefined;
    requestId: string;
  };
}

type Parsed<Schema> = Schema extends z.ZodType ? z.infer<Schema> : undefined;

interface Input<E extends Endpoint> {
  readonly params: Parsed<E['params']>;
  readonly query: Parsed<E['query']>;
  readonly body: Parsed<E['body']>;
  readonly who: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  readonly request: Request;
  readonly context: Context<Caller>;
}

/** `/jobs/{id}` as Hono writes it. The path of a file may hold slashes, as may the name that a chat gives a model. */
export const honoPath = (path: string) => path.replace(/\{(file|model)\}/, ':$1{.+}').replaceAll(/\{(\w+)\}/g, ':$1');

/** The status in the access log where a client went away before its answer. */
const CLIENT_GONE = 499;

export function register<E extends Endpoint>(
  app: Hono<Caller>,
  endpoint: E,
  handle: (input: Input<E>) => Response | Promise<Response>,
): void {
  const refuse = endpoint.path.startsWith('/v1/') ? badChatRequest : badRequest;
  app.on(endpoint.method.toUpperCase(), honoPath(endpoint.path), async (context) => {
    const read = (schema: z.ZodType | undefined, value: unknown) => {
      if (!schema) return undefined;
      const result = schema.safeParse(value);
      if (!result.success) throw refuse(result.error);
      return result.data;
    };
    const { signal } = context.req.raw;
    try {
      // Each value was made by the schema whose type it is given.
      return await handle({
        params: read(endpoint.params, context.req.param()),
        query: read(endpoint.query, context.req.query()),
        body: read(endpoint.body, context.get('body')),
        who: context.get('who'),
        signal,
        request: context.req.raw,
        context,
      } as Input<E>);
    } catch (error) {
      if (signal.aborted) return new Response(null, { status: CLIENT_GONE });
      throw error;
    }
  });
}
