// All settings of training that the service knows, as fields made from its schemas. Loaded when somebody opens them.

import type { TrainSettings } from '@ludic/grpo';
import { LOSS_FIELDS, RUN_FIELDS, type TrainingFields, trainingFields, trainSettings } from '@ludic/service';
import { z } from 'zod';
import { CheckField, NumberField, SelectField } from './fields.tsx';

/** Those that the form has already, and those that are for other machines. */
const ELSEWHERE = [
  'history',
  'steps',
  'group_size',
  'batch_size',
  'seed',
  'learning_rate',
  'max_completion_length',
  'beta',
  'shards',
  'precision',
];

interface Described {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** From a schema to a field once, not with every stroke. */
const FIELDS = Object.entries({ ...RUN_FIELDS, ...LOSS_FIELDS })
  .filter(([name]) => !ELSEWHERE.includes(name))
  .map(([name, schema]) => ({ name, schema: z.toJSONSchema(schema) as Described }))
  // What has no value by default may be left out altogether.
  .filter(({ name }) => name !== 'delta');

export default function AdvancedSettings({
  settings,
  onChange,
}: {
  readonly settings: TrainSettings;
  readonly onChange: (change: (before: TrainSettings) => TrainSettings) => void;
}) {
  const fields: TrainingFields = trainingFields(settings);
  const set = (name: string, value: unknown) =>
    onChange((before) => {
      const { environment, environmentConfig } = before;
      return trainSettings({ environment, environmentConfig }, { ...trainingFields(before), [name]: value });
    });
  return (
    <div class="fields">
      {FIELDS.map(({ name, schema }) => (
        <OneField
          key={name}
          name={name}
          schema={schema}
          value={fields[name as keyof TrainingFields]}
          onChange={(value) => set(name, value)}
        />
      ))}
    </div>
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
  const common = { label: name.replaceAll('_', ' '), hint: schema.description, onChange };
  if (schema.enum)
    return (
      <SelectField
        {...common}
        value={String(value)}
        choices={schema.enum.map((text) => ({ value: text, text: text.replaceAll('_', ' ') }))}
      />
    );
  if (schema.type === 'boolean') return <CheckField {...common} checked={value === true} />;
  return (
    <NumberField
      {...common}
      value={Number(value)}
      min={schema.minimum}
      max={schema.maximum}
      step={schema.type === 'integer' ? 1 : 'any'}
    />
  );
}
