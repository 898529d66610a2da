// Settings of a game: from what a user wrote to a complete, checked config, with the schema as the only source of
// names, types, ranges and defaults.

import type { EnvironmentDefinition, PropertySchema } from './contract.ts';
import { EnvironmentError } from './errors.ts';

/** The settings of a game by name, each with its type, default and range. */
export type ConfigProperties = Readonly<Record<string, PropertySchema>>;

/** The type of the settings that a schema's properties describe. */
export type ConfigOf<Properties extends ConfigProperties> = {
  readonly [Key in keyof Properties]: Properties[Key] extends { readonly enum: readonly (infer Choice)[] }
    ? Choice
    : Properties[Key] extends { readonly type: 'boolean' }
      ? boolean
      : number;
};

/** What `schema` asks for, as the end of a sentence, or undefined where `value` satisfies it. */
function complaint(schema: PropertySchema, value: unknown): string | undefined {
  switch (schema.type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'string':
      return schema.enum.includes(value as string) ? undefined : `one of ${schema.enum.join(', ')}`;
    case 'integer':
    case 'number': {
      const fits = schema.type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
      const { minimum, maximum } = schema;
      const number = value as number;
      if (fits && !(minimum !== undefined && number < minimum) && !(maximum !== undefined && number > maximum)) {
        return undefined;
      }
      const least = minimum === undefined ? '' : ` of at least ${minimum}`;
      const most = maximum === undefined ? '' : `${least ? ' and' : ' of'} at most ${maximum}`;
      return `${schema.type === 'integer' ? 'a whole number' : 'a number'}${least}${most}`;
    }
    default:
      return schema satisfies never;
  }
}

function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text === undefined ? String(value) : text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/**
 * The complete settings of a game: what `raw` says, defaults for the rest.
 * @throws EnvironmentError `bad_config` for an unknown key, a wrong type or a value out of range.
 */
export function resolveConfig<Config>(
  definition: EnvironmentDefinition<Config>,
  raw: unknown = {},
): Config & Readonly<Record<string, unknown>> {
  const { id, configSchema } = definition;
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new EnvironmentError('bad_config', `The config of ${id} must be an object of settings, not ${shown(raw)}.`);
  }
  const { properties } = configSchema;
  const given = new Map(Object.entries(raw).filter(([, value]) => value !== undefined));
  for (const key of given.keys()) {
    if (!Object.hasOwn(properties, key)) {
      const known = Object.keys(properties).join(', ');
      throw new EnvironmentError('bad_config', `${id} has no setting ${shown(key)}; its settings are ${known}.`);
    }
  }
  const config: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(properties)) {
    const value = given.has(key) ? given.get(key) : schema.default;
    const wanted = complaint(schema, value);
    if (wanted) throw new EnvironmentError('bad_config', `${key} of ${id} must be ${wanted}, not ${shown(value)}.`);
    config[key] = value;
  }
  return config as Config & Readonly<Record<string, unknown>>; // The loop above has checked every property against the schema that Config comes from.
}
