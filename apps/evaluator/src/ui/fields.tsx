// The fields of forms: a label, a control, and what it means where the name does not say it.

import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

/** What all fields have. */
export interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  /** Of the control, in its form. */
  readonly name?: string;
  /** What is wrong with the value. */
  readonly complaint?: string | undefined;
}

/** What ties a control to the texts of its field. */
export interface ControlIds {
  readonly id: string;
  readonly name?: string;
  readonly 'aria-describedby'?: string;
  readonly 'aria-invalid'?: true;
}

/** A control between its label and what is said of it. @param isGroup of several controls, with the label at `ID-label` */
export function Field({
  label,
  hint,
  name,
  complaint,
  isGroup = false,
  children,
}: FieldProps & { readonly isGroup?: boolean; readonly children: (ids: ControlIds) => ComponentChildren }) {
  const id = useId();
  const described = [...(complaint ? [`${id}-wrong`] : []), ...(hint ? [`${id}-hint`] : [])].join(' ');
  return (
    <div class="field" {...(complaint && { 'data-wrong': true })}>
      {isGroup ? (
        <span class="label" id={`${id}-label`}>
          {label}
        </span>
      ) : (
        <label for={id}>{label}</label>
      )}
      {children({
        id,
        ...(name !== undefined && { name }),
        ...(described !== '' && { 'aria-describedby': described }),
        ...(complaint && { 'aria-invalid': true }),
      })}
      {complaint && (
        <small class="error" id={`${id}-wrong`}>
          {complaint}
        </small>
      )}
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

/** Choices of one group stand under its name; those without a group stand alone. */
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

/** A line of text; it has to be filled in, unless `required` is false. */
export function TextField({
  value,
  type = 'text',
  onChange,
  required = true,
  autocomplete = 'off',
  inputMode,
  placeholder,
  ...field
}: FieldProps & {
  readonly value: string;
  readonly type?: 'text' | 'url' | 'password';
  readonly required?: boolean;
  readonly autocomplete?: 'off' | 'username' | 'current-password';
  readonly inputMode?: 'url' | 'decimal' | undefined;
  readonly placeholder?: string;
  readonly onChange: (value: string) => void;
}) {
  return (
    <Field {...field}>
      {(ids) => (
        <input
          {...ids}
          {...({ type } as { type: 'text' })}
          {...{ required, autocomplete, inputMode, placeholder, value }}
          spellcheck={false}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** A check box before its text. */
export const CheckLine = ({
  text,
  checked,
  onChange,
}: {
  readonly text: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) => (
  <label class="check">
    <input type="checkbox" checked={checked} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
    <span>{text}</span>
  </label>
);

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

/** A whole number from 0 on that names random streams. */
export const SeedField = (field: {
  readonly hint: string;
  readonly value: number;
  readonly onChange: (seed: number) => void;
}) => <NumberField label="Seed" min={0} max={Number.MAX_SAFE_INTEGER} {...field} />;

/** A check box below its label, as high as the fields beside it. */
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
