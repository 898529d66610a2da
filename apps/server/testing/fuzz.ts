// Requests with faults, made from the OpenAPI document: right ones with a few things wrong. And what must hold
// of every answer.

import { errorAnswer } from '@ludic/service';
import { openaiErrorAnswer } from '@ludic/service/internal';
import fc from 'fast-check';

type Json = Readonly<Record<string, unknown>>;

export interface FuzzRequest {
  readonly method: string;
  /** As the document has it, with `{name}`. */
  readonly route: string;
  /** Path and query, to be sent as they are written: `..` and all. {@link JOB} stands for the id of a job. */
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

/** In an address: the last job that was accepted. */
export const JOB = '~job~';

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

const model = fc.oneof(fc.constant('nano'), fc.constantFrom('missing', 'trained', ...TRICKS));

/** Small where a right value would cost much. */
const SMALL: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  eval_episodes: fc.integer({ min: 1, max: 3 }),
  max_steps: fc.integer({ min: 1, max: 4 }),
  model_path: model,
  model_name: model,
  recipe: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('auto', 'tic-tac-toe-random') },
    { weight: 1, arbitrary: fc.constantFrom(...TRICKS) },
  ),
  output_dir: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom('trained', ...TRICKS) },
    { weight: 3, arbitrary: fc.stringMatching(/^[a-z]{3,12}$/) },
  ),
  max_tokens: fc.integer({ min: 1, max: 8 }),
  max_completion_tokens: fc.integer({ min: 1, max: 8 }),
  n: fc.integer({ min: 1, max: 2 }),
  model,
  env_config: fc.constantFrom({}, { size: 3 }, { opponent: 'random' }, { max_steps: 3 }),
  batch_size: fc.constantFrom(2, 4, 6, 8),
  group_size: fc.constant(2),
  delta: fc.constantFrom(2, 4, 1),
  lora_targets: fc.constantFrom(['q_proj'], ['q_proj', 'v_proj'], TRICKS.slice(0, 2)),
  wandb_project: fc.constantFrom('games', '../games'),
  shards: fc.constantFrom(1, 2),
  tensor_parallel_size: fc.integer({ min: 1, max: 3 }),
};

/** A value that a JSON schema allows, mostly. */
function rightFor(schema: Json, schemas: Json, name = ''): fc.Arbitrary<unknown> {
  const small = SMALL[name];
  if (small) return small;
  if (typeof schema.$ref === 'string') return rightFor(schemas[schema.$ref.split('/').at(-1)!] as Json, schemas, name);
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return fc.oneof(...choices.map((each) => rightFor(each as Json, schemas)));
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
  // Half of them are right but for what depends on other fields: else nothing would ever be accepted.
  return fc.boolean().chain((isWrong) => {
    const fields = Object.entries(properties).map(([name, property]) =>
      fc
        .tuple(fc.integer({ min: 0, max: 99 }), rightFor(property, schemas, name), anything)
        .map(([dice, right, wrong]) => {
          if (isWrong && dice >= 95) return [name, wrong] as const;
          const isPresent = required.includes(name) ? !isWrong || dice >= 2 : dice < 12;
          return isPresent ? ([name, right] as const) : undefined;
        }),
    );
    const extra = isWrong ? fc.array(fc.tuple(fc.string(), anything), { maxLength: 1 }) : fc.constant([]);
    return fc
      .tuple(fc.tuple(...fields), extra)
      .map(([own, more]) => Object.fromEntries([...own.filter((field) => field !== undefined), ...more]));
  });
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
  const text = (likely: string) =>
    fc.oneof(fc.constant(likely), fc.constantFrom('1', 'trained', 'trained', ...TRICKS), fc.string({ minLength: 1 }));
  const values = fc.tuple(
    ...parameters.map(({ in: where, name, schema }) =>
      fc.tuple(
        where === 'path' ? text(LIKELY[name] ?? '1') : fc.oneof(rightFor(schema, schemas), text('1')),
        fc.integer({ min: 0, max: 9 }),
      ),
    ),
  );
  const content = (operation.requestBody as Json | undefined)?.content as
    | Readonly<Record<string, { schema: Json }>>
    | undefined;
  const schema = content?.['application/json']?.schema;
  const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : '');
  const body: fc.Arbitrary<Uint8Array | undefined> = schema
    ? fc.oneof(
        { weight: 20, arbitrary: rightFor(schema, schemas).map((value) => bytes(JSON.stringify(value))) },
        { weight: 1, arbitrary: deep.map(bytes) },
        { weight: 1, arbitrary: anything.map((value) => bytes(JSON.stringify(value))) },
        { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map(bytes) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
      )
    : fc.constant(undefined);
  const bearer = mostly(`Bearer ${password}`, 'Bearer', 'Basic YTpi');
  const type = mostly('application/json', 'text/plain', 'application/json; charset=utf-16');
  const otherMethod = mostly(method, 'PUT', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE');
  const more = mostly<Readonly<Record<string, string>>>({}, ...ODD_HEADERS);
  return fc
    .tuple(values, body, bearer, type, otherMethod, more)
    .map(([given, sent, authorization, contentType, verb, odd]) => {
      let path = route;
      const query = new URLSearchParams();
      const headers: Record<string, string> = { authorization, ...odd };
      for (const [i, { in: where, name }] of parameters.entries()) {
        const [value, dice] = given[i]!;
        const written = String(value);
        // A function, since `$&` in a text would stand for something.
        if (where === 'path') path = path.replace(`{${name}}`, () => inPath(written, dice));
        else if (where === 'query' && dice < 5) query.set(name, written);
        else if (where === 'header' && dice < 5 && /^[ -~]*$/.test(written)) headers[name] = written;
      }
      if (sent !== undefined) headers['content-type'] = contentType;
      const address = query.size > 0 ? `${path}?${query}` : path;
      return { method: verb.toUpperCase(), route, address, headers, body: sent };
    });
}

const ODD_HEADERS: readonly Readonly<Record<string, string>>[] = [
  { 'x-forwarded-for': '203.0.113.9, 127.0.0.1' },
  { 'x-forwarded-proto': 'http' },
  { 'x-http-method-override': 'DELETE' },
  { 'content-encoding': 'gzip' },
  { 'accept-encoding': 'br' },
  { expect: 'the unexpected' },
  { host: 'elsewhere.example' },
  { host: 'no host' },
  { cookie: `a=${'b'.repeat(2000)}` },
  { range: 'bytes=0-0' },
  { 'last-event-id': 'x' },
  { origin: 'https://elsewhere.example' },
];

/** The first, but for every twentieth. */
const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 19, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

/** Parameters in paths that there is something for. */
const LIKELY: Readonly<Record<string, string>> = { id: JOB, name: 'nano', file: 'config.json', model: 'nano' };

/** As clients write it, with its slashes, or as it is. */
function inPath(text: string, dice: number): string {
  if (text === JOB) return text;
  if (dice < 4) return encoded(text);
  return dice < 7 ? encoded(text).replaceAll('%2F', '/') : text.replaceAll(/[^!-~]/g, '');
}

const encoded = (text: string) => encodeURIComponent(text.toWellFormed());

/** What is wrong with an answer; undefined where nothing is. */
export function complaint(
  { method, route }: Pick<FuzzRequest, 'method' | 'route'>,
  answer: { readonly status: number; readonly text: string; readonly contentType: string | undefined },
  document: Json,
  secrets: readonly string[],
): string | undefined {
  const paths = document.paths as Readonly<Record<string, Readonly<Record<string, Json>>>>;
  const { status, text, contentType = '' } = answer;
  const operation = paths[route]![(method === 'HEAD' ? 'get' : method).toLowerCase()];
  // An odd value in a path may make another address of it, one that is not there or that takes other methods.
  // A method that no operation has is refused, or before that the name of the server that was asked.
  const elsewhere =
    (route.includes('{') && [200, 404, 405].includes(status)) || (!operation && (status === 405 || status === 403));
  if (!elsewhere && !(status in ((operation?.responses ?? {}) as Json)) && status !== 400)
    return `status ${status} is not documented`;
  if (status === 500) return 'a fault of the server';
  if (status >= 400 && method !== 'HEAD') {
    if (!contentType.startsWith('application/json')) return `an error that is ${contentType || 'empty'}`;
    // What cannot be read is refused before it is known whose language its address speaks.
    const shapes = !route.startsWith('/v1/')
      ? [errorAnswer]
      : [openaiErrorAnswer, ...(status === 400 || status === 404 ? [errorAnswer] : [])];
    if (!shapes.some((shape) => shape.safeParse(JSON.parse(text)).success)) return 'an error of another shape';
  }
  if (/\bat \S+ \(?(file|node|\/)[^)]*:\d+:\d+/.test(text) && status >= 400) return 'a stack trace';
  return secrets.some((secret) => text.includes(secret)) ? 'it tells a secret' : undefined;
}
