// A model's folder from disk. Nothing leaves the page.

import { useRef, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';

/** Makes files known to the engine as a model, and says what is wrong with those that are none. */
export function usePicked(onModel: (name: string) => void) {
  const { engine, refreshModels } = useAppContext();
  const [trouble, setTrouble] = useState('');
  const [warnings, setWarnings] = useState<readonly string[]>([]);
  const take = async (coming: Promise<readonly File[]> | readonly File[]) => {
    setTrouble('');
    setWarnings([]);
    try {
      const { name, warnings } = await engine.ask({ type: 'pick', files: await coming });
      setWarnings(warnings);
      await refreshModels();
      onModel(name);
    } catch (error) {
      setTrouble((error as Error).message);
    }
  };
  return { trouble, warnings, take };
}

export function FolderButton({
  text,
  quiet = false,
  onFiles,
}: {
  readonly text: string;
  readonly quiet?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        {...{ webkitdirectory: true }}
        aria-label="Folder of a model"
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])]);
          // The same folder may be picked again.
          currentTarget.value = '';
        }}
      />
      <button type="button" {...(quiet && { class: 'quiet' })} onClick={() => input.current!.click()}>
        {text}
      </button>
    </>
  );
}

/** What a picked model's files say that is not heeded. */
export const FolderWarnings = ({ warnings }: { readonly warnings: readonly string[] }) =>
  warnings.length > 0 && (
    <ul class="warnings" role="status" aria-label="Warnings">
      {warnings.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );

export function PickFolder({ onPick }: { readonly onPick: (name: string) => void }) {
  const { trouble, warnings, take } = usePicked(onPick);
  return (
    <div class="field">
      <FolderButton text="Open a model from disk…" quiet onFiles={(files) => void take(files)} />
      {trouble !== '' && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      <FolderWarnings warnings={warnings} />
    </div>
  );
}
