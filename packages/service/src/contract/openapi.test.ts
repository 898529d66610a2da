import { NANO_TRAITS } from '@ludic/grpo';
import { describe, expect, it } from 'vitest';
import { ENDPOINTS, type Endpoint } from './endpoints.ts';
import { ERROR_STATUS } from './errors.ts';
import { openApiDocument } from './openapi.ts';
import { startTraining } from './requests.ts';
import { completeTraining } from './training.ts';

interface Operation {
  readonly summary: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, object>> }>
  >;
}

const document = openApiDocument(Object.values<Endpoint>(ENDPOINTS), {
  title: 'Ludic',
  version: '1',
  description: 'x',
}) as {
  readonly openapi: string;
  readonly info: object;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>>; readonly securitySchemes: object };
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

/** Every object and list within a value. */
function* parts(value: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (typeof value !== 'object' || value === null) return;
  yield value as Readonly<Record<string, unknown>>;
  for (const inner of Object.values(value)) yield* parts(inner);
}

describe('the OpenAPI document', () => {
  it('lists every endpoint once, as plain JSON of version 3.1', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toEqual({ title: 'Ludic', version: '1', description: 'x' });
    expect(operations).toHaveLength(Object.keys(ENDPOINTS).length);
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  it('points only at what it holds, and holds nothing that is not pointed at', () => {
    const references = [...parts(document)].flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []));
    expect(references.length).toBeGreaterThan(20);
    const held = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect([...new Set(references)].sort()).toEqual(held.sort());
    for (const name of Object.keys(document.components.schemas)) expect(name).toMatch(/^[\w.-]+$/);
  });

  it('keeps no words of JSON Schema that belong to documents of their own', () => {
    for (const part of parts(document)) {
      expect(part).not.toHaveProperty('$schema');
      expect(part).not.toHaveProperty('$defs');
    }
  });

  it.each(operations)('says for $method $path what it takes and answers', ({ path, method, operation }) => {
    expect(['get', 'post', 'delete']).toContain(method);
    expect(operation.summary).not.toBe('');
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(inPath.map(({ name }) => name)).toEqual(named);
    for (const { required } of inPath) expect(required).toBe(true);
    for (const { schema } of operation.parameters ?? []) expect(schema).toHaveProperty('type');
    if (method === 'get') expect(operation.requestBody).toBeUndefined();
    if (operation.requestBody) expect(Object.keys(operation.requestBody.content)).toEqual(['application/json']);
    expect(Object.keys(operation.responses).some((status) => status.startsWith('2'))).toBe(true);
    for (const [status, { description }] of Object.entries(operation.responses)) {
      expect(status).toMatch(/^[2-5]\d\d$/);
      expect(description).not.toBe('');
    }
  });

  it('asks for the password everywhere but at health and at the document', () => {
    const open = operations.filter(({ operation }) => operation.security === undefined).map(({ path }) => path);
    expect(open.sort()).toEqual(['/health-check', '/openapi.json']);
    for (const { operation } of operations)
      if (operation.security) expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '429']));
    expect(document.components.securitySchemes).toHaveProperty('password');
  });

  it('documents only errors that have a status', () => {
    const statuses = new Set(Object.values(ERROR_STATUS).map(String));
    for (const { operation } of operations)
      for (const status of Object.keys(operation.responses)) if (status >= '400') expect(statuses).toContain(status);
  });

  it.each(['StartTraining', 'EvaluatePolicy', 'GenerateRollout'])(
    'says of each field of %s what holds without it',
    (name) => {
      const { properties, required } = document.components.schemas[name] as {
        properties: Record<string, { default?: unknown; description?: string }>;
        required: string[];
      };
      for (const [field, { default: fallback, description = '' }] of Object.entries(properties)) {
        if (required.includes(field) || field === 'password') continue;
        expect(description, field).not.toBe('');
        if (fallback === undefined) expect(description, field).toMatch(/\bdefault: |\bchosen where it is left out\b/);
      }
    },
  );

  it('names no default where a model may carry another: clients that send defaults would undo it', () => {
    for (const name of ['EvaluatePolicy', 'GenerateRollout']) {
      const { properties } = document.components.schemas[name] as { properties: Record<string, object> };
      for (const field of ['max_steps', 'history_strategy']) {
        expect(properties[field]).not.toHaveProperty('default');
        expect(properties[field]).toMatchObject({ description: expect.stringMatching(/otherwise (50|NO_HISTORY)$/) });
      }
    }
    const { properties } = document.components.schemas.GenerateRollout as { properties: Record<string, object> };
    expect(JSON.stringify(properties.sampling_params)).not.toMatch(/"default":0\.7/);
  });

  it('shows the defaults that a training without any field has', () => {
    const request = startTraining.parse({ model_name: 'nano', env_type: 'key_door', output_dir: 'a' });
    const complete: Record<string, unknown> = completeTraining(request, NANO_TRAITS).request;
    const { properties } = document.components.schemas.StartTraining as { properties: Record<string, object> };
    const told = Object.entries(properties).filter(([, schema]) => 'default' in schema);
    expect(told.length).toBeGreaterThan(30);
    // These become settings of the game.
    for (const [field, schema] of told)
      if (!/^(env_config|env_size|rollout_max_steps)$/.test(field))
        expect({ [field]: (schema as { default: unknown }).default }).toEqual({ [field]: complete[field] });
    expect(complete.env_config).toMatchObject({ size: 4, max_steps: 50 });
  });

  it('shows the defaults and bounds of the requests', () => {
    const { schema } = document.paths['/start-training']!.post!.requestBody!.content['application/json']!;
    const training = '$ref' in schema ? document.components.schemas.StartTraining! : schema;
    expect(training).toMatchObject({
      required: ['model_name', 'env_type', 'output_dir'],
      additionalProperties: false,
      properties: { batch_size: { type: 'integer', default: 32, minimum: 2, maximum: 65536 } },
    });
  });
});
