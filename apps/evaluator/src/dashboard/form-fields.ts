// Fields of a form from a JSON schema, and what is filled in as the request that the schema describes. Whether it can be
// used is for the server to say, who knows best.

export interface JsonSchema {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly items?: JsonSchema;
}

/** number: also whole ones. flag: yes, no or left out. words: several, with commas between. several: of the choices. */
export type FieldKind = 'number' | 'text' | 'choice' | 'flag' | 'words' | 'several';

export interface FormField {
  /** In the request. */
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

export function fieldsOf(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = Object.keys(properties),
): readonly FormField[] {
  return Object.entries(properties).map(([name, schema]) => {
    const kind = kindOf(schema);
    return {
      name,
      label: sentenceCase(
        name
          .split('_')
          .map((word) => NAMES[word] ?? word)
          .join(' '),
      ),
      hint: schema.description && sentenceCase(schema.description),
      kind,
      choices: ((kind === 'several' ? schema.items?.enum : schema.enum) ?? []).map(String),
      isOptional: !required.includes(name) && schema.default === undefined,
      initial: schema.default === undefined || kind === 'several' ? '' : String(schema.default),
    };
  });
}

/** Words that are written in their own way. */
const NAMES: Readonly<Record<string, string | undefined>> = {
  lora: 'LoRA',
  onnx: 'ONNX',
  wandb: 'Weights & Biases',
  tensorboard: 'TensorBoard',
};

const sentenceCase = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function kindOf({ type, enum: choices, items }: JsonSchema): FieldKind {
  if (choices) return 'choice';
  if (type === 'array') return items?.enum ? 'several' : 'words';
  if (type === 'boolean') return 'flag';
  return type === 'integer' || type === 'number' ? 'number' : 'text';
}

/** The request; what is empty is left out. */
export function requestOf(fields: readonly FormField[], filled: Filled): Record<string, unknown> {
  return Object.fromEntries(
    fields.flatMap(({ name, kind, initial }): [string, unknown][] => {
      const value = filled[name] ?? initial;
      if (typeof value !== 'string') return value.length === 0 ? [] : [[name, value]];
      const text = value.trim();
      if (text === '') return [];
      switch (kind) {
        case 'number':
          // What is no number goes as it is: the server says so beside the field.
          return [[name, Number.isFinite(Number(text)) ? Number(text) : text]];
        case 'flag':
          return [[name, text === 'true']];
        case 'words':
          return [[name, text.split(/[\s,]+/).filter((word) => word !== '')]];
        case 'text':
        case 'choice':
          return [[name, text]];
        case 'several':
          return [[name, [text]]];
        default:
          return kind satisfies never;
      }
    }),
  );
}

/** What is wrong, by the name of the field; '' for what belongs to none of them. */
export function complaintsOf(
  details: readonly { readonly field: string; readonly message: string }[],
  prefix = '',
): Readonly<Record<string, string>> {
  const complaints: Record<string, string> = {};
  for (const { field, message } of details) {
    if (!field.startsWith(prefix)) continue;
    const [name = ''] = field.slice(prefix.length).split('.');
    complaints[name] = complaints[name] === undefined ? message : `${complaints[name]} ${message}`;
  }
  return complaints;
}
