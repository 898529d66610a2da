// The OpenAPI 3.1 document, from the table of endpoints.

import { z } from 'zod';
import type { Endpoint } from './endpoints.ts';
import { ERROR_STATUS, type ErrorCode, errorAnswer } from './errors.ts';
import { openaiErrorAnswer, openaiStatus } from './openai-errors.ts';

type SchemaJson = Readonly<Record<string, unknown>>;

interface DocumentInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
}

/** Errors that every endpoint with a password can answer, and those that every endpoint can. */
const GUARDED: readonly ErrorCode[] = ['unauthorized', 'too_many_requests'];
const ANYWHERE: readonly ErrorCode[] = ['https_required', 'internal', 'forbidden'];

/**
 * The OpenAPI 3.1 document of a list of endpoints.
 * @returns plain JSON; schemas with an `id` are in `components.schemas`
 */
export function openApiDocument(endpoints: readonly Endpoint[], info: DocumentInfo): SchemaJson {
  const schemas: Record<string, unknown> = {};
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] ??= {};
    paths[endpoint.path]![endpoint.method] = operation(endpoint, schemas);
  }
  return {
    openapi: '3.1.0',
    info,
    paths,
    components: { schemas, securitySchemes: { password: { type: 'http', scheme: 'bearer' } } },
  };
}

function operation(endpoint: Endpoint, schemas: Record<string, unknown>): SchemaJson {
  const { summary, params, query, headers = {}, body, bodyOptional, answers, errors, open } = endpoint;
  const own: readonly ErrorCode[] = [...errors, ...(open ? [] : GUARDED), ...ANYWHERE];
  const isOpenAis = endpoint.path.startsWith('/v1/');
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(own)) {
    const status = isOpenAis ? openaiStatus(code) : ERROR_STATUS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const parameters = [
    ...parametersOf('path', params, schemas),
    ...parametersOf('query', query, schemas),
    ...Object.entries(headers).map(([name, description]) => ({
      in: 'header',
      name,
      description,
      schema: { type: 'string' },
    })),
  ];
  const json = (schema: z.ZodType, io: 'input' | 'output') => ({
    'application/json': { schema: schemaOf(schema, io, schemas) },
  });
  return {
    summary,
    ...(!open && { security: body ? [{ password: [] }, {}] : [{ password: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: !bodyOptional, content: json(body, 'input') } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [
          status,
          {
            description: STATUS_TEXT[Number(status)] ?? 'Done',
            content: typeof answer === 'string' ? { [answer]: { schema: { type: 'string' } } } : json(answer, 'output'),
          },
        ]),
      ),
      ...Object.fromEntries(
        [...byStatus].map(([status, codes]) => [
          status,
          { description: codes.join(', '), content: json(isOpenAis ? openaiErrorAnswer : errorAnswer, 'output') },
        ]),
      ),
    },
  };
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  200: 'Done',
  202: 'Accepted; the work goes on as a job',
  206: 'The requested range',
  304: 'The client has the current file',
};

function parametersOf(where: 'path' | 'query', object: z.ZodObject | undefined, schemas: Record<string, unknown>) {
  if (!object) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(object, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, SchemaJson>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    in: where,
    name,
    required: where === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: shared(schema, schemas),
  }));
}

/** The JSON schema of a schema; what has an id of its own goes to the document's components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Record<string, unknown>): unknown {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, unknown>;
  return shared(json, schemas);
}

/** Moves the `$defs` of a JSON schema to the components and points at them there. */
function shared(json: SchemaJson, schemas: Record<string, unknown>): SchemaJson {
  const { $defs = {}, ...rest } = json as { $defs?: Record<string, SchemaJson> };
  const pointed = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
  for (const [name, definition] of Object.entries($defs)) {
    const { id: _, ...schema } = definition;
    schemas[name] = pointed(schema);
  }
  const { id: _, ...without } = rest as { id?: unknown };
  return pointed(without) as SchemaJson;
}
