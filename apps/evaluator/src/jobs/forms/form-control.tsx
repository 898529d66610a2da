// One field of a form that was made from a schema: its label, its control, what it means and what is wrong with it.

import { useState } from 'preact/hooks';
import { CheckLine, Field, type FieldProps, SelectField, TextField } from '../../ui/fields.tsx';
import type { FormField } from './form-fields.ts';

/** A field, what is filled in, and what is wrong with it. */
export interface FormControlProps {
  readonly field: FormField;
  readonly value: string | readonly string[];
  /** What holds where nothing is filled in, as far as it is known. */
  readonly fallback?: unknown;
  /** Says what holds then, where its value is not known. */
  readonly empty?: string | undefined;
  /** What may be filled in, to choose from. */
  readonly suggestions?: readonly string[] | undefined;
  /** Words for choices. */
  readonly texts?: Readonly<Record<string, string>> | undefined;
  readonly complaint?: string | undefined;
  readonly onChange: (value: string | readonly string[]) => void;
}

/** Chooses the control by the kind of the field. An empty control says which default holds. */
export function FormControl({
  field,
  value,
  fallback,
  empty,
  suggestions,
  texts,
  complaint,
  onChange,
}: FormControlProps) {
  const { kind, label, hint, name, choices, isOptional } = field;
  const common = { label, hint, name, complaint, onChange };
  const known = fallback === undefined ? undefined : `default: ${textOf(kind, String(fallback), texts)}`;
  if (kind === 'several')
    return (
      <Field {...common} isGroup>
        {({ id }) => (
          <fieldset class="several" aria-labelledby={`${id}-label`}>
            {choices.map((choice) => (
              <CheckLine
                key={choice}
                text={choice}
                checked={value.includes(choice)}
                onChange={(checked) =>
                  onChange(choices.filter((one) => (one === choice ? checked : value.includes(one))))
                }
              />
            ))}
          </fieldset>
        )}
      </Field>
    );
  if (kind === 'choice' || kind === 'flag') {
    const options = (kind === 'flag' ? ['true', 'false'] : choices).map((choice) => ({
      value: choice,
      text: textOf(kind, choice, texts),
    }));
    const left = { value: '', text: texts?.[''] ?? known ?? empty ?? 'default' };
    return <SelectField {...common} value={String(value)} choices={isOptional ? [left, ...options] : options} />;
  }
  if (suggestions) return <SuggestionField {...common} value={String(value)} suggestions={suggestions} />;
  return (
    <TextField
      {...common}
      required={false}
      inputMode={kind === 'number' ? 'decimal' : undefined}
      placeholder={known ?? empty ?? (isOptional ? 'none' : '')}
      value={String(value)}
    />
  );
}

/** One of the suggestions, or something else in words. */
function SuggestionField({
  value,
  suggestions,
  onChange,
  ...field
}: FieldProps & {
  readonly value: string;
  readonly suggestions: readonly string[];
  readonly onChange: (value: string) => void;
}) {
  const [isOther, setIsOther] = useState(value === '');
  // What stands there counts, also while the suggestions are not known yet.
  const known = isOther || suggestions.includes(value) ? suggestions : [value, ...suggestions];
  return (
    <Field {...field}>
      {(ids) => (
        <>
          <select
            {...ids}
            onChange={({ currentTarget }) => {
              setIsOther(currentTarget.value === '');
              onChange(currentTarget.value);
            }}
          >
            {known.map((suggestion) => (
              <option key={suggestion} value={suggestion} selected={!isOther && suggestion === value}>
                {suggestion}
              </option>
            ))}
            <option value="" selected={isOther}>
              Another, by its name…
            </option>
          </select>
          {isOther && (
            <input
              type="text"
              aria-label={`${field.label}, by its name`}
              autocomplete="off"
              spellcheck={false}
              placeholder="org/name of the Hub"
              value={value}
              onInput={({ currentTarget }) => onChange(currentTarget.value)}
            />
          )}
        </>
      )}
    </Field>
  );
}

/** A choice in words. */
function textOf(kind: FormField['kind'], value: string, texts: FormControlProps['texts']): string {
  if (kind === 'flag') return value === 'true' ? 'yes' : 'no';
  return texts?.[value] ?? value;
}
