// A model's folder from disk. Nothing leaves the page.

import type { ComponentProps } from 'preact';
import { useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import { Alert, FileButton, Warnings } from '../ui/form.tsx';
import { useAttempt } from '../ui/use-answer.ts';

/** Makes files known to the engine as a model, and says what is wrong with those that are none. */
export function usePicked(onModel: (name: string) => void) {
  const { engine, refreshModels } = useAppContext();
  const { error, attempt } = useAttempt();
  const [warnings, setWarnings] = useState<readonly string[]>([]);
  const take = (coming: Promise<readonly File[]> | readonly File[]) =>
    attempt(async () => {
      setWarnings([]);
      const { name, warnings } = await engine.ask({ type: 'pick', files: await coming });
      setWarnings(warnings);
      await refreshModels();
      onModel(name);
    });
  return { error, warnings, take };
}

/** Opens the folder dialog of the browser. */
export const FolderButton = (button: Omit<ComponentProps<typeof FileButton>, 'label' | 'webkitdirectory'>) => (
  <FileButton {...button} label="Folder of a model" webkitdirectory />
);

/** The same in a form: a button with its errors below. */
export function PickFolder({ onPick }: { readonly onPick: (name: string) => void }) {
  const { error, warnings, take } = usePicked(onPick);
  return (
    <div class="field">
      <FolderButton text="Open a model from disk…" quiet onFiles={(files) => void take(files)} />
      <Alert text={error} />
      <Warnings texts={warnings} />
    </div>
  );
}
