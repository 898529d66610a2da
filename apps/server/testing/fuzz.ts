// Requests that nobody would send, made from the OpenAPI document: right ones with a few things wrong. And what must hold
// of every answer.

import { errorAnswer } from '@ludic/service';
import fc from 'fast-check';

type Json = Readonly<Record<string, unknown>>;

export interface FuzzRequest {
  readonly method: string;
  /** As the document has it, with `{name}`. */
  readonly route: string;
  /** Path and query. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Texts that have opened doors elsewhere. */
const TRICKS = [
  '../../secret.txt',
  '..',
  '.',
  '/etc/passwd',
  '/tmp/../../secret',
  '..%2f..%2fsecret.txt',
  '%2e%2e/secret.txt',
  '....//secret.txt',
  'nano/../../secret.txt',
  'nano\u0000.txt',
  'C:\\secret.txt',
  '\\\\host\\share',
  'file:///etc/passwd',
  '~/.ssh/id_rsa',
  '.hidden',
  'a'.repeat(5000),
  '\ud800',
  '\u202etxt.terces',
  'ﬁle',
  '🎲'.repeat(50),
  '__proto__',
  'constructor',
  '',
  ' ',
  "'; DROP TABLE jobs; --",
  '$(touch /tmp/owned)',
  '{{7*7}}',
];
const NUMBERS = [0, -1, 0.5, 1e308, -1e308, 2 ** 53, 2 ** 53 + 2, 5e-324, 1e21];
const WRONG = [null, true, [], {}, [[]], { a: { b: {} } }, ...NUMBERS, ...TRICKS];

const anything = fc.oneof(
  fc.constantFrom<unknown>(...WRONG),
  fc.jsonValue({ maxDepth: 4 }),
  fc.string({ unit: 'binary' }),
);

/** Small where a right value would cost much. */
const SMALL: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  eval_episodes: fc.integer({ min: 1, max: 3 }),
  max_steps: fc.integer({ min: 1, max: 4 }),
  model_path: fc.constantFrom('nano', 'missing', ...TRICKS),
  model_name: fc.constantFrom('nano', 'missing', ...TRICKS),
  output_dir: fc.oneof(fc.constantFrom(...TRICKS), fc.stringMatching(/^[a-z]{1,12}$/)),
  max_tokens: fc.integer({ min: 1, max: 8 }),
  max_completion_tokens: fc.integer({ min: 1, max: 8 }),
  n: fc.integer({ min: 1, max: 2 }),
  model: fc.constantFrom('nano', 'missing', ...TRICKS),
};

/** A value that a JSON schema allows, mostly. */
function rightFor(schema: Json, schemas: Json, name = ''): fc.Arbitrary<unknown> {
  const small = SMALL[name];
  if (small) return small;
  if (typeof schema.$ref === 'string') return rightFor(schemas[schema.$ref.split('/').at(-1)!] as Json, schemas, name);
  if (Array.isArray(schema.anyOf)) return fc.oneof(...schema.anyOf.map((each) => rightFor(each as Json, schemas)));
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if ('const' in schema) return fc.constant(schema.const);
  const { minimum: min = 0, maximum: max = 100 } = schema as { minimum?: number; maximum?: number };
  switch (schema.type) {
    case 'object':
      return objectFor(schema, schemas);
    case 'array':
      return fc.array(rightFor((schema.items ?? {}) as Json, schemas), { maxLength: 3 });
    case 'integer':
      return fc.integer({ min: Math.max(min, 0), max: Math.min(max, Math.max(min, 0) + 100) });
    case 'number':
      return fc.double({ min: Math.max(min, 1e-6), max: Math.min(max, 1), noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fc.oneof(fc.constantFrom(...TRICKS), fc.string({ maxLength: 20 }));
    default:
      return anything;
  }
}

function objectFor(schema: Json, schemas: Json): fc.Arbitrary<unknown> {
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Json>>;
  const required = (schema.required ?? []) as readonly string[];
  const fields = Object.entries(properties).map(([name, property]) =>
    fc
      .tuple(fc.integer({ min: 0, max: 99 }), rightFor(property, schemas, name), anything)
      .map(([dice, right, wrong]) => {
        // Many fields: each must be right nearly always, or no request ever is.
        if (dice >= 97) return [name, wrong] as const;
        const present = required.includes(name) ? dice < 96 : dice < 15;
        return present ? ([name, right] as const) : undefined;
      }),
  );
  const extra = fc.oneof(
    { weight: 30, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.tuple(fc.string(), anything), { maxLength: 2 }) },
  );
  return fc
    .tuple(fc.tuple(...fields), extra)
    .map(([own, more]) => Object.fromEntries([...own.filter((field) => field !== undefined), ...more]));
}

const deep = fc.integer({ min: 20, max: 5000 }).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);

/** @param document the service's own, as GET /openapi.json gives it */
export function fuzzRequests(document: Json, password: string): fc.Arbitrary<FuzzRequest> {
  const paths = document.paths as Readonly<Record<string, Readonly<Record<string, Json>>>>;
  const schemas = ((document.components as Json).schemas ?? {}) as Json;
  const operations = Object.entries(paths).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationRequest(route, method, operation, schemas, password)),
  );
  return fc.oneof(...operations);
}

function operationRequest(
  route: string,
  method: string,
  operation: Json,
  schemas: Json,
  password: string,
): fc.Arbitrary<FuzzRequest> {
  const parameters = (operation.parameters ?? []) as readonly { in: string; name: string; schema: Json }[];
  const text = fc.oneof(fc.constantFrom('nano', 'config.json', '1', ...TRICKS), fc.string({ minLength: 1 }));
  const values = fc.tuple(
    ...parameters.map(({ in: where, schema }) =>
      fc.tuple(where === 'path' ? text : fc.oneof(rightFor(schema, schemas), text), fc.integer({ min: 0, max: 9 })),
    ),
  );
  const content = (operation.requestBody as Json | undefined)?.content as
    | Readonly<Record<string, { schema: Json }>>
    | undefined;
  const schema = content?.['application/json']?.schema;
  const json = schema ? rightFor(schema, schemas).map((value) => JSON.stringify(value)) : fc.constant(undefined);
  const body = schema
    ? fc.oneof(
        { weight: 20, arbitrary: json },
        { weight: 1, arbitrary: deep },
        { weight: 1, arbitrary: anything.map((value) => JSON.stringify(value)) },
        { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
      )
    : fc.constant(undefined);
  const bearer = fc.constantFrom(...Array<string>(19).fill(`Bearer ${password}`), 'Bearer', 'Basic YTpi');
  const type = fc.constantFrom(
    ...Array<string>(19).fill('application/json'),
    'text/plain',
    'application/json; charset=utf-16',
  );
  return fc.tuple(values, body, bearer, type).map(([given, sent, authorization, contentType]) => {
    let path = route;
    const query = new URLSearchParams();
    const headers: Record<string, string> = { authorization };
    for (const [i, { in: where, name }] of parameters.entries()) {
      const [value, dice] = given[i]!;
      const written = String(value);
      if (where === 'path')
        path = path.replace(`{${name}}`, dice < 5 ? encoded(written) : encoded(written).replaceAll('%2F', '/'));
      else if (where === 'query' && dice < 5) query.set(name, written);
      else if (where === 'header' && dice < 5 && /^[ -~]*$/.test(written)) headers[name] = written;
    }
    if (sent !== undefined) headers['content-type'] = contentType;
    const address = query.size > 0 ? `${path}?${query}` : path;
    return { method: method.toUpperCase(), route, address, headers, body: sent };
  });
}

const encoded = (text: string) => encodeURIComponent(text.toWellFormed());

/** What is wrong with an answer; undefined where nothing is. */
export function complaint(
  { method, route }: FuzzRequest,
  answer: { readonly status: number; readonly text: string; readonly contentType: string | null },
  document: Json,
  secrets: readonly string[],
): string | undefined {
  const paths = document.paths as Readonly<Record<string, Readonly<Record<string, Json>>>>;
  const responses = paths[route]![method.toLowerCase()]!.responses as Json;
  const { status, text, contentType } = answer;
  // An odd value in a path may make another address of it, one that is not there or that takes other methods.
  const elsewhere = route.includes('{') && [200, 404, 405].includes(status);
  if (!(status in responses) && !elsewhere) return `status ${status} is not documented`;
  if (status === 500) return 'a fault of the server';
  if (status >= 400 && contentType?.startsWith('application/json') && !errorAnswer.safeParse(JSON.parse(text)).success)
    return 'an error of another shape';
  if (status >= 400 && !contentType?.startsWith('application/json')) return `an error that is ${contentType}`;
  if (/\bat \S+ \(?(file|node|\/)[^)]*:\d+:\d+/.test(text)) return 'a stack trace';
  return secrets.some((secret) => text.includes(secret)) ? 'it tells a secret' : undefined;
}
