// A field of a form that was made from the JSON schema of one setting.

import { useState } from 'preact/hooks';
import { CheckField, NumberField, SelectField, TextField } from './fields.tsx';
import { labelOf, sentenceCase } from './labels.ts';

/** As much of JSON Schema as the settings of games, trainings and requests use. */
export interface JsonSchema {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** @param onClear where a number may be left out */
export function SchemaField({
  name,
  schema,
  value,
  onChange,
  onClear,
}: {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  readonly onClear?: (() => void) | undefined;
}) {
  const common = { label: labelOf(name), hint: schema.description && sentenceCase(schema.description), onChange };
  if (schema.enum)
    return (
      <SelectField
        {...common}
        value={String(value)}
        choices={schema.enum.map((value) => ({ value: String(value), text: String(value).replaceAll('_', ' ') }))}
      />
    );
  if (schema.type === 'boolean') return <CheckField {...common} checked={value === true} />;
  if (schema.type === 'array') return <WordsField {...common} words={(value ?? []) as readonly string[]} />;
  return (
    <NumberField
      {...common}
      value={value as number | undefined}
      min={schema.minimum}
      max={schema.maximum}
      step={schema.type === 'integer' ? 1 : 'any'}
      {...(onClear && { onClear })}
    />
  );
}

const wordsIn = (text: string): readonly string[] => text.split(/[\s,]+/).filter(Boolean);

/** Words with blanks or commas between them. */
function WordsField({
  words,
  onChange,
  ...field
}: {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly words: readonly string[];
  readonly onChange: (words: readonly string[]) => void;
}) {
  /** With the blank behind which the next word will stand. */
  const [written, setWritten] = useState('');
  const text = words.join(' ');
  return (
    <TextField
      {...field}
      required={false}
      value={wordsIn(written).join(' ') === text ? written : text}
      onChange={(next) => {
        setWritten(next);
        onChange(wordsIn(next));
      }}
    />
  );
}
