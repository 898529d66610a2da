// A model's folder from disk, picked or dropped. Nothing leaves the page.

import { useRef, useState } from 'preact/hooks';
import { droppedFiles } from '../dropped.ts';
import { useWorkplace } from '../workplace.tsx';

export function FromDisk({ onModel }: { readonly onModel: (name: string) => void }) {
  const { engine } = useWorkplace();
  const [trouble, setTrouble] = useState('');
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const take = async (coming: Promise<readonly File[]> | readonly File[]) => {
    setTrouble('');
    try {
      const { name } = await engine.ask({ type: 'pick', files: await coming });
      onModel(name);
    } catch (error) {
      setTrouble((error as Error).message);
    }
  };
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
      <input
        ref={input}
        type="file"
        hidden
        {...{ webkitdirectory: true }}
        aria-label="Folder of a model"
        onChange={({ currentTarget }) => {
          void take([...(currentTarget.files ?? [])]);
          // The same folder may be picked again.
          currentTarget.value = '';
        }}
      />
      <button type="button" onClick={() => input.current!.click()}>
        Open a folder…
      </button>
      <p class="trouble" role="alert">
        {trouble}
      </p>
    </section>
  );
}
