// The fields of forms: a label, a control, and what it means where the name does not say it.

import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
}

function Field({
  label,
  hint,
  children,
}: FieldProps & { readonly children: (ids: { id: string; 'aria-describedby'?: string }) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(hint && { 'aria-describedby': `${id}-hint` }) })}
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

/** An option of a select field. Options with the same `group` stand together. */
export interface SelectOption {
  readonly value: string;
  readonly text: string;
  readonly group?: string;
}

export function SelectField({
  value,
  choices: given,
  disabled = false,
  onChange,
  ...field
}: FieldProps & {
  readonly value: string;
  /** Plain texts are their own values. */
  readonly choices: readonly (SelectOption | string)[];
  readonly disabled?: boolean;
  readonly onChange: (value: string) => void;
}) {
  const choices = given.map((one): SelectOption => (typeof one === 'string' ? { value: one, text: one } : one));
  const groups = [...new Set(choices.map(({ group }) => group))];
  const option = (choice: SelectOption) => (
    <option key={choice.value} value={choice.value} selected={choice.value === value}>
      {choice.text}
    </option>
  );
  return (
    <Field {...field}>
      {(ids) => (
        <select {...ids} disabled={disabled} onChange={(event) => onChange(event.currentTarget.value)}>
          {groups.map((group) => {
            const options = choices.filter((choice) => choice.group === group).map(option);
            return group === undefined ? (
              options
            ) : (
              <optgroup key={group} label={group}>
                {options}
              </optgroup>
            );
          })}
        </select>
      )}
    </Field>
  );
}

export function TextField({
  value,
  type = 'text',
  required = true,
  onChange,
  ...field
}: FieldProps & {
  readonly value: string;
  readonly required?: boolean;
  readonly type?: 'text' | 'url' | 'password';
  readonly onChange: (value: string) => void;
}) {
  return (
    <Field {...field}>
      {(ids) => (
        <input
          {...ids}
          {...({ type } as { type: 'text' })}
          required={required}
          autoComplete="off"
          spellcheck={false}
          value={value}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** What a number field takes, bounds included. */
export interface NumberRange {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** `any` for numbers that need not be whole. */
  readonly step?: number | 'any';
}

/**
 * What is no number in the range is not passed on, and the form cannot be sent. The field is written to when the value
 * becomes another than what stands in it, and not while it is typed: `0.` is 0 on its way to 0.5.
 * @param onClear allows no number at all
 */
export function NumberField({
  value,
  min,
  max,
  step = 1,
  onChange,
  onClear,
  ...field
}: FieldProps &
  NumberRange & {
    readonly value: number | undefined;
    readonly onChange: (value: number) => void;
    readonly onClear?: () => void;
  }) {
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    const { current } = input;
    // No number is NaN in a field.
    const wanted = value ?? Number.NaN;
    if (!Object.is(current!.valueAsNumber, wanted)) current!.valueAsNumber = wanted;
  }, [value]);
  return (
    <Field {...field}>
      {(ids) => (
        <input
          {...ids}
          ref={input}
          type="number"
          required={!onClear}
          inputMode="decimal"
          {...(min !== undefined && { min })}
          {...(max !== undefined && { max })}
          step={step}
          onInput={({ currentTarget }) => {
            const { validity, value, valueAsNumber } = currentTarget;
            if (!validity.valid) return;
            if (value === '') onClear?.();
            else onChange(valueAsNumber);
          }}
        />
      )}
    </Field>
  );
}

export function CheckField({
  label,
  hint,
  checked,
  onChange,
}: FieldProps & { readonly checked: boolean; readonly onChange: (checked: boolean) => void }) {
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <input {...ids} type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      )}
    </Field>
  );
}
