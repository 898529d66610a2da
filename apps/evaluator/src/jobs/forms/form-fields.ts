// Fields of a form from a JSON schema, and what is filled in as the request that the schema describes. Whether it can be
// used is for the server to say, who knows best.

import { parseObject } from '@ludic/io';
import { labelOf, sentenceCase } from '../../ui/labels.ts';
import type { JsonSchema } from '../../ui/schema-field.tsx';

/**
 * number: also whole ones. flag: yes, no or left out. words: several, with commas between. several: of the choices. json: an
 * object as JSON.
 */
export type FieldKind = 'number' | 'text' | 'choice' | 'flag' | 'words' | 'several' | 'json';

/** One setting of a request as a field of a form. */
export interface FormField {
  /** In the request, with dots where it is inside of another: `sampling_params.top_k`. */
  readonly name: string;
  readonly label: string;
  readonly hint: string | undefined;
  readonly kind: FieldKind;
  readonly choices: readonly string[];
  /** Whether it may be left out. */
  readonly isOptional: boolean;
  /** What stands there at first, as text. */
  readonly initial: string;
}

/** What is filled in, by name. */
export type Filled = Readonly<Record<string, string | readonly string[]>>;

/** @param withDefaults whether defaults stand in their fields; else they are left to the server, which may know better */
export function fieldsOf(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = Object.keys(properties),
  withDefaults = true,
): readonly FormField[] {
  return Object.entries(properties).flatMap(([name, schema]): readonly FormField[] => {
    // What is inside of what may be left out may be left out.
    if (schema.properties)
      return fieldsOf(schema.properties, [], withDefaults).map((field) => ({
        ...field,
        name: `${name}.${field.name}`,
      }));
    const kind = kindOf(schema);
    const fallback = withDefaults ? schema.default : undefined;
    const field = {
      name,
      label: labelOf(name),
      hint: schema.description && sentenceCase(schema.description),
      kind,
      choices: ((kind === 'several' ? schema.items?.enum : schema.enum) ?? []).map(String),
      isOptional: !required.includes(name) && fallback === undefined,
      initial: initialOf(kind, fallback),
    };
    return [field];
  });
}

function initialOf(kind: FieldKind, fallback: unknown): string {
  if (fallback === undefined || kind === 'several') return '';
  if (kind === 'json') return Object.keys(fallback as object).length > 0 ? JSON.stringify(fallback) : '';
  return String(fallback);
}

/** The control that fits a schema. */
function kindOf({ type, enum: choices, items }: JsonSchema): FieldKind {
  if (choices) return 'choice';
  if (type === 'array') return items?.enum ? 'several' : 'words';
  if (type === 'boolean') return 'flag';
  if (type === 'object') return 'json';
  return type === 'integer' || type === 'number' ? 'number' : 'text';
}

/** The request; what is empty is left out. */
export function requestOf(fields: readonly FormField[], filled: Filled): Record<string, unknown> {
  const request: Record<string, unknown> = {};
  for (const field of fields) {
    const value = requestValue(field, filled[field.name] ?? field.initial);
    if (value === undefined) continue;
    const [first = '', second] = field.name.split('.');
    request[first] = second === undefined ? value : { ...(request[first] as object | undefined), [second]: value };
  }
  return request;
}

/** What is typed, as the request has it; undefined where the field is empty. */
function requestValue({ kind }: FormField, filled: string | readonly string[]): unknown {
  if (typeof filled !== 'string') return filled.length === 0 ? undefined : filled;
  const text = filled.trim();
  if (text === '') return undefined;
  switch (kind) {
    case 'number':
      // What is no number goes as it is: the server says so beside the field.
      return Number.isFinite(Number(text)) ? Number(text) : text;
    case 'flag':
      return text === 'true';
    case 'words':
      return text.split(/[\s,]+/).filter((word) => word !== '');
    case 'text':
    case 'choice':
      return text;
    case 'json':
      return parseObject(text) ?? text;
    case 'several':
      return [text];
    default:
      return kind satisfies never;
  }
}

/** What is wrong, by the name of the field; what belongs to none of `fields` is left out. */
export function complaintsOf(
  details: readonly { readonly field: string; readonly message: string }[],
  fields: readonly Pick<FormField, 'name'>[],
  prefix = '',
): Readonly<Record<string, string>> {
  const complaints: Record<string, string> = {};
  for (const { field, message } of details) {
    if (!field.startsWith(prefix)) continue;
    const place = field.slice(prefix.length);
    // A word of a list is called by its number behind the list.
    const name = fields.find((one) => place === one.name || place.startsWith(`${one.name}.`))?.name;
    if (name !== undefined)
      complaints[name] = complaints[name] === undefined ? message : `${complaints[name]} ${message}`;
  }
  return complaints;
}
