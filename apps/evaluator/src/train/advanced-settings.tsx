// All settings of training that the service knows, as fields made from its schemas. Loaded when they are opened.

import type { TrainingFields, TrainSettings } from '@ludic/grpo';
import {
  ADAMW_FIELDS,
  LORA_FIELDS,
  LOSS_FIELDS,
  RUN_FIELDS,
  trainingFields,
  trainSettings,
} from '@ludic/grpo/internal';
import { z } from 'zod';
import { type JsonSchema, SchemaField } from '../ui/schema-field.tsx';

/** Those that the form has already, and those that no form of the page is for. */
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
  // For several processes.
  'shards',
  // Decided from the model's template.
  'template_options',
];

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
    .map(([name, schema]) => ({ name, schema: z.toJSONSchema(schema) as JsonSchema })),
}));

/** Settings as they stand, and a way to change them. */
export interface AdvancedProps {
  readonly settings: TrainSettings;
  /** Whether the device computes in float16: else there is no choice. */
  readonly float16: boolean;
  readonly onChange: (change: (before: TrainSettings) => TrainSettings) => void;
}

/** A change goes through the names that users know, with the checks that hold for them. */
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
                <SchemaField
                  key={name}
                  name={name}
                  schema={schema}
                  value={values[name as keyof TrainingFields]}
                  onChange={(value) => set(name, value)}
                  // What has no value by default may be left out.
                  onClear={name === 'delta' ? () => set(name, undefined) : undefined}
                />
              ))}
          </div>
        </fieldset>
      ))}
    </>
  );
}
