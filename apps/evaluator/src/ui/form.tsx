// What forms of all views are made of, apart from their fields: the form, what went wrong in it, buttons that open files.

import type { ComponentProps } from 'preact';
import { useRef } from 'preact/hooks';
import { Button } from './button.tsx';

/** A form that the page itself answers. */
export const Form = ({
  onSubmit,
  ...form
}: Omit<ComponentProps<'form'>, 'onSubmit'> & { readonly onSubmit: () => void }) => (
  <form
    {...form}
    onSubmit={(event) => {
      event.preventDefault();
      onSubmit();
    }}
  />
);

/** What went wrong, in a sentence that is read out. Draws nothing for an empty text. */
export const Alert = ({ text }: { readonly text: string | undefined }) =>
  text ? (
    <p class="error" role="alert">
      {text}
    </p>
  ) : null;

/** The last few warnings, each once. */
export const Warnings = ({
  texts,
  most = texts.length,
}: {
  readonly texts: readonly string[];
  readonly most?: number;
}) =>
  texts.length > 0 ? (
    <ul class="warnings" role="status" aria-label="Warnings">
      {[...new Set(texts)].slice(-most).map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  ) : null;

/** A button that opens files, or a folder of them. */
export function FileButton({
  text,
  label,
  quiet = false,
  onFiles,
  ...input
}: {
  readonly text: string;
  /** Of the hidden input. */
  readonly label: string;
  readonly quiet?: boolean;
  readonly accept?: string;
  readonly webkitdirectory?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
}) {
  const place = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={place}
        type="file"
        hidden
        {...input}
        aria-label={label}
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])]);
          // The same files may be opened again.
          currentTarget.value = '';
        }}
      />
      <Button {...(quiet && { class: 'quiet' })} onClick={() => place.current!.click()}>
        {text}
      </Button>
    </>
  );
}
