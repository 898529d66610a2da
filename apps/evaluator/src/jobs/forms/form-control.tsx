// One field of a form that was made from a schema: its label, its control, what it means and what is wrong with it.

import { useId, useState } from 'preact/hooks';
import type { FormField } from './form-fields.ts';

/** A field, what is filled in, and what is wrong with it. */
export interface FormControlProps {
  readonly field: FormField;
  readonly value: string | readonly string[];
  /** What holds where nothing is filled in, as far as it is known. */
  readonly usual?: unknown;
  /** Says what holds then, where its value is not known. */
  readonly empty?: string | undefined;
  /** What may be filled in, to choose from. */
  readonly suggestions?: readonly string[] | undefined;
  /** Words for choices. */
  readonly texts?: Readonly<Record<string, string>> | undefined;
  readonly complaint?: string | undefined;
  readonly onChange: (value: string | readonly string[]) => void;
}

export function FormControl({ field, value, usual, empty, suggestions, texts, complaint, onChange }: FormControlProps) {
  const { kind, label, hint, isOptional } = field;
  const id = useId();
  const described = [...(complaint ? [`${id}-wrong`] : []), ...(hint ? [`${id}-hint`] : [])].join(' ');
  const ids = {
    id,
    name: field.name,
    ...(described !== '' && { 'aria-describedby': described }),
    ...(complaint && { 'aria-invalid': true }),
  };
  const known = usual === undefined ? undefined : textOf(kind, String(usual), texts);
  const control = () => {
    if (kind === 'several')
      return (
        <fieldset class="several" aria-labelledby={`${id}-label`}>
          {field.choices.map((choice) => (
            <label key={choice} class="check">
              <input
                type="checkbox"
                checked={value.includes(choice)}
                onChange={({ currentTarget: { checked } }) =>
                  onChange(field.choices.filter((one) => (one === choice ? checked : value.includes(one))))
                }
              />
              <span>{choice}</span>
            </label>
          ))}
        </fieldset>
      );
    if (kind === 'choice' || kind === 'flag') {
      const choices = kind === 'flag' ? ['true', 'false'] : field.choices;
      return (
        <select {...ids} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
          {isOptional && (
            <option value="" selected={value === ''}>
              {texts?.[''] ?? (known === undefined ? (empty ?? 'default') : `default: ${known}`)}
            </option>
          )}
          {choices.map((choice) => (
            <option key={choice} value={choice} selected={choice === value}>
              {textOf(kind, choice, texts)}
            </option>
          ))}
        </select>
      );
    }
    if (suggestions)
      return <Offered ids={ids} label={label} value={String(value)} suggestions={suggestions} onChange={onChange} />;
    return (
      <input
        {...ids}
        type="text"
        {...(kind === 'number' && { inputMode: 'decimal' })}
        autocomplete="off"
        spellcheck={false}
        placeholder={known === undefined ? (empty ?? (isOptional ? 'none' : '')) : `default: ${known}`}
        value={String(value)}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    );
  };
  return (
    <div class="field" data-wrong={complaint !== undefined}>
      {kind === 'several' ? (
        <span class="label" id={`${id}-label`}>
          {label}
        </span>
      ) : (
        <label for={id}>{label}</label>
      )}
      {control()}
      {complaint && (
        <small class="error" id={`${id}-wrong`}>
          {complaint}
        </small>
      )}
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

/** One of the suggestions, or something else in words. */
function Offered({
  ids,
  label,
  value,
  suggestions,
  onChange,
}: {
  readonly ids: { readonly id: string; readonly name: string };
  readonly label: string;
  readonly value: string;
  readonly suggestions: readonly string[];
  readonly onChange: (value: string) => void;
}) {
  const [isOther, setIsOther] = useState(value === '');
  // What stands there counts, also while the suggestions are not known yet.
  const known = isOther || suggestions.includes(value) ? suggestions : [value, ...suggestions];
  return (
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
          aria-label={`${label}, by its name`}
          autocomplete="off"
          spellcheck={false}
          placeholder="org/name of the Hub"
          value={value}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )}
    </>
  );
}

function textOf(kind: FormField['kind'], value: string, texts: FormControlProps['texts']): string {
  if (kind === 'flag') return value === 'true' ? 'yes' : 'no';
  return texts?.[value] ?? value;
}
