// A model's folder from disk. Nothing leaves the page.

import { useRef, useState } from 'preact/hooks';
import { useWorkplace } from '../workplace.tsx';

/** Makes files known to the engine as a model, and says what is wrong with those that are none. */
export function usePicked(onModel: (name: string) => void) {
  const { engine, refreshModels } = useWorkplace();
  const [trouble, setTrouble] = useState('');
  const take = async (coming: Promise<readonly File[]> | readonly File[]) => {
    setTrouble('');
    try {
      const { name } = await engine.ask({ type: 'pick', files: await coming });
      await refreshModels();
      onModel(name);
    } catch (error) {
      setTrouble((error as Error).message);
    }
  };
  return { trouble, take };
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

export function PickFolder({ onPick }: { readonly onPick: (name: string) => void }) {
  const { trouble, take } = usePicked(onPick);
  return (
    <div class="field">
      <FolderButton text="Open a model from disk…" quiet onFiles={(files) => void take(files)} />
      {trouble !== '' && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
    </div>
  );
}
