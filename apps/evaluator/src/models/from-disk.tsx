// The place where a model's folder is dropped, or picked.

import { useState } from 'preact/hooks';
import { Alert, Warnings } from '../ui/form.tsx';
import { droppedFiles } from './dropped-files.ts';
import { FolderButton, usePicked } from './pick-folder.tsx';

/** Files are read where they lie; nothing is sent. */
export function FromDisk({ onModel }: { readonly onModel: (name: string) => void }) {
  const { error, warnings, take } = usePicked(onModel);
  const [over, setOver] = useState(false);
  return (
    <section
      class="source"
      aria-label="From disk"
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        if (event.dataTransfer) void take(droppedFiles(event.dataTransfer));
      }}
    >
      <h3>From disk</h3>
      <p>A folder with config.json and weights, such as a run's final/. Drop it here, or pick it.</p>
      <FolderButton text="Open a folder…" onFiles={(files) => void take(files)} />
      <Alert text={error} />
      <Warnings texts={warnings} />
    </section>
  );
}
