// All settings of training that the service knows, as fields made from its schemas. Loaded when somebody opens them.

import {
  ADAMW_FIELDS,
  LORA_FIELDS,
  LOSS_FIELDS,
  RUN_FIELDS,
  type TrainingFields,
  type TrainSettings,
  trainingFields,
  trainSettings,
} from '@ludic/grpo';
import { useState } from 'preact/hooks';
import { z } from 'zod';
import { CheckField, NumberField, SelectField, TextField } from '../ui/fields.tsx';
import { labelOf, sentenceCase } from '../ui/labels.ts';

/** Those that the form has already, and the one that is for several processes. */
const ELSEWHERE = [
  'history',
  'steps',
  'group_size',
  'batch_size',
  'learning_rate',
  'max_completion_length',
  'beta',
  'lora_rank',
  'lora_alpha',
  'shards',
];

interface Described {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** From a schema to a field once, not with every stroke. */
const PARTS = [
  ['Playing, credit and evaluation', RUN_FIELDS],
  ['Loss', LOSS_FIELDS],
  ['Optimizer', ADAMW_FIELDS],
  ['Adapter', LORA_FIELDS],
].map(([title, fields]) => ({
  title: title as string,
  fields: Object.entries(fields as Readonly<Record<string, z.ZodType>>)
    .filter(([name]) => !ELSEWHERE.includes(name))
    .map(([name, schema]) => ({ name, schema: z.toJSONSchema(schema) as Described })),
}));

export interface AdvancedProps {
  readonly settings: TrainSettings;
  /** Whether the device computes in float16: else there is no choice. */
  readonly float16: boolean;
  readonly onChange: (change: (before: TrainSettings) => TrainSettings) => void;
}

export default function AdvancedSettings({ settings, float16, onChange }: AdvancedProps) {
  const values: TrainingFields = trainingFields(settings);
  const set = (name: string, value: unknown) =>
    onChange((before) => {
      const { environment, environmentConfig } = before;
      return trainSettings({ environment, environmentConfig }, { ...trainingFields(before), [name]: value });
    });
  const parts = PARTS.filter(({ title }) => title !== 'Adapter' || settings.lora);
  return (
    <>
      {parts.map(({ title, fields }) => (
        <fieldset key={title} class="part">
          <legend>{title}</legend>
          <div class="fields">
            {fields
              .filter(({ name }) => name !== 'precision' || float16)
              .map(({ name, schema }) => (
                <OneField
                  key={name}
                  name={name}
                  schema={schema}
                  value={values[name as keyof TrainingFields]}
                  onChange={(value) => set(name, value)}
                />
              ))}
          </div>
        </fieldset>
      ))}
    </>
  );
}

const wordsIn = (text: string): readonly string[] => text.split(/[\s,]+/).filter(Boolean);

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

function OneField({
  name,
  schema,
  value,
  onChange,
}: {
  readonly name: string;
  readonly schema: Described;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}) {
  const common = { label: labelOf(name), hint: schema.description && sentenceCase(schema.description), onChange };
  if (schema.enum)
    return (
      <SelectField
        {...common}
        value={String(value)}
        choices={schema.enum.map((text) => ({ value: text, text: text.replaceAll('_', ' ') }))}
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
      // What has no value by default may be left out.
      {...(name === 'delta' && { onClear: () => onChange(undefined) })}
    />
  );
}
