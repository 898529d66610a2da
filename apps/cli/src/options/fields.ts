// Fields of the service's contract as options of the command line: name, check, choices and description from the schema.

import { camelCase } from '@ludic/grpo/internal';
import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';

export type FieldSchemas = Readonly<Record<string, z.ZodType>>;

/** A field's schema without its default and without being optional. */
interface Inner {
  readonly schema: z.ZodType;
  /** Undefined where there is none. */
  readonly fallback: unknown;
  readonly description: string;
}

function unwrap(schema: z.ZodType): Inner {
  let inner = schema;
  let fallback: unknown;
  // The outermost description counts: it was written for this use of the field.
  let description = '';
  for (;;) {
    description ||= inner.description ?? '';
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) fallback = inner.def.defaultValue;
    else if (!(inner instanceof z.ZodOptional)) return { schema: inner, fallback, description };
    inner = inner.def.innerType as z.ZodType;
  }
}

/** The default of a field, undefined where it has none. */
export const fallbackOf = (schema: z.ZodType): unknown => unwrap(schema).fallback;

/** `group_size` as `--group-size`. */
export const flagOf = (name: string) => `--${name.replaceAll('_', '-')}`;

/** Rewrites fields that a description names as options, but not what it quotes. */
const inKebab = (text: string) =>
  text.replaceAll(/(?<!")\b[a-z]+(?:_[a-z0-9]+)+\b/g, (name) => name.replaceAll('_', '-'));

/** The option `--group-size <n>` with its description, without a parser. */
export function bareOption(name: string, schema: z.ZodType): Option {
  const { schema: inner, description } = unwrap(schema);
  const manner = inner instanceof z.ZodArray ? '; with commas between' : '';
  return new Option(`${flagOf(name)}${placeholder(inner)}`, `${inKebab(description)}${manner}`);
}

/** @param fallback the default that the help shows */
export function fieldOption(name: string, schema: z.ZodType, fallback: unknown = fallbackOf(schema)): Option {
  const option = bareOption(name, schema);
  const { schema: inner } = unwrap(schema);
  if (inner instanceof z.ZodEnum) option.choices(inner.options.map(String));
  else if (!(inner instanceof z.ZodBoolean)) option.argParser((text: string) => parseField(schema, text));
  return fallback === undefined ? option : option.default(fallback);
}

/** An option for each field. */
export const fieldOptions = (fields: FieldSchemas, defaults: Readonly<Record<string, unknown>>): readonly Option[] =>
  Object.entries(fields).map(([name, schema]) => fieldOption(name, schema, defaults[name]));

/** The given options of a command, by the names of the fields. */
export function fieldValues(fields: FieldSchemas, options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(fields)
      .map((name) => [name, options[camelCase(name)]])
      .filter(([, value]) => value !== undefined),
  );
}

/**
 * The value that a text stands for.
 * @throws InvalidArgumentError with a sentence that says what is needed
 */
export function parseField(schema: z.ZodType, text: string): unknown {
  const { schema: inner } = unwrap(schema);
  const value = read(inner, text);
  const { success, error } = inner.safeParse(value);
  // As written: the schema would fill in defaults, which is the service's task.
  if (success) return value;
  throw new InvalidArgumentError(need(inner) ?? error.issues.map(({ message }) => message).join(' '));
}

/** Converts a text to the type of the schema, without checking it; the literals of fields are numbers. */
function read(schema: z.ZodType, text: string): unknown {
  if (schema instanceof z.ZodNumber || schema instanceof z.ZodLiteral)
    return text.trim() === '' ? Number.NaN : Number(text);
  if (schema instanceof z.ZodArray) return text.split(',').map((part) => part.trim());
  if (schema instanceof z.ZodBoolean) return text === 'true' ? true : text === 'false' ? false : text;
  if (!isJson(schema)) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('It is no JSON.');
  }
}

const isJson = (schema: z.ZodType) => schema instanceof z.ZodRecord || schema instanceof z.ZodObject;

function placeholder(schema: z.ZodType): string {
  if (schema instanceof z.ZodBoolean) return '';
  if (schema instanceof z.ZodEnum) return ' <name>';
  if (schema instanceof z.ZodArray) return ' <names>';
  if (isJson(schema)) return ' <json>';
  if (schema instanceof z.ZodNumber) return isWhole(schema) ? ' <n>' : ' <x>';
  if (schema instanceof z.ZodLiteral) return ' <n>';
  return ' <text>';
}

const isWhole = (schema: z.ZodNumber) => z.toJSONSchema(schema).type === 'integer';

/** Zod gives every integer a bound; the safe range is none that a user should read. */
const isBound = (most: number | undefined): most is number => most !== undefined && most < Number.MAX_SAFE_INTEGER;

/** A sentence that says what the schema takes; undefined where its own messages are clearer. */
function need(schema: z.ZodType): string | undefined {
  if (schema instanceof z.ZodEnum) return `One of ${schema.options.join(', ')} is needed.`;
  if (schema instanceof z.ZodLiteral) return `One of ${[...schema.values].join(', ')} is needed.`;
  if (schema instanceof z.ZodArray) {
    const names = schema.element instanceof z.ZodEnum ? `, of ${schema.element.options.join(', ')}` : '';
    return `Names with commas between are needed${names}.`;
  }
  if (!(schema instanceof z.ZodNumber)) return undefined;
  const { type, minimum, exclusiveMinimum, maximum } = z.toJSONSchema(schema);
  const bounds = [
    ...(typeof exclusiveMinimum === 'number' ? [`above ${exclusiveMinimum}`] : []),
    ...(typeof minimum === 'number' && minimum > Number.MIN_SAFE_INTEGER ? [`of at least ${minimum}`] : []),
    ...(isBound(maximum) ? [`of at most ${maximum}`] : []),
  ].join(' and ');
  return `A ${type === 'integer' ? 'whole number' : 'number'}${bounds && ` ${bounds}`} is needed.`;
}
