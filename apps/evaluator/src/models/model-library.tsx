// The models of this page: what is here and what of it is stored, and the three places where more come from.

import { useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { ModelCard } from '../engine/models/library.ts';
import { Button } from '../ui/button.tsx';
import { Alert } from '../ui/form.tsx';
import { bytes } from '../ui/numbers.ts';
import { useAttempt } from '../ui/use-answer.ts';
import { HubDownload, ServerDownload } from './download-form.tsx';
import { FromDisk } from './from-disk.tsx';

const ORIGINS: Readonly<Record<ModelCard['from'], string>> = {
  page: 'comes with the page',
  disk: 'from disk',
  training: 'trained here, in Train as long as its run is',
  server: 'from a server',
  hub: 'from the Hub',
};

/** @param onModel is told of every model that comes in by the visitor's wish */
export function ModelLibrary({ onModel }: { readonly onModel: (name: string) => void }) {
  const { engine, storage, refreshModels } = useAppContext();
  const { error, attempt } = useAttempt();
  const [isOpen, setIsOpen] = useState(false);
  const { cards, used, quota } = storage;
  const others = cards.filter(({ from }) => from !== 'page' && from !== 'training');
  const change = async (work: Promise<unknown>) => {
    await attempt(() => work);
    await refreshModels();
  };
  const addModel = (name: string) => {
    void refreshModels();
    onModel(name);
  };
  return (
    <details class="card library" onToggle={({ currentTarget }) => setIsOpen(currentTarget.open)}>
      <summary>
        Models
        <small>
          {cards.length === 0 ? 'nano' : cards.map(({ name }) => name).join(', ')}
          {used !== undefined && quota !== undefined && ` · ${bytes(used)} of ${bytes(quota)} of storage used`}
        </small>
      </summary>
      <ul class="cards" aria-label="Models that are here">
        {cards.map((card) => (
          <li key={card.name}>
            <span>
              <b>{card.name}</b>
              <small>
                {[ORIGINS[card.from], bytes(card.size), ...(card.stored ? ['stored in this browser'] : [])].join(' · ')}
              </small>
            </span>
            {/* What was trained is stored and deleted with its run. */}
            {card.from !== 'page' && (card.from !== 'training' || card.stored) && (
              <span class="buttons">
                {!card.stored && (
                  <Button
                    aria-label={`Keep ${card.name} in this browser`}
                    onClick={() => change(engine.ask({ type: 'keep', name: card.name }))}
                  >
                    Keep
                  </Button>
                )}
                <Button
                  aria-label={`Remove ${card.name}`}
                  onClick={() => change(engine.ask({ type: 'remove', name: card.name }))}
                >
                  Remove
                </Button>
              </span>
            )}
          </li>
        ))}
      </ul>
      {others.length > 1 && (
        <Button onClick={() => change(engine.ask({ type: 'remove' }))}>Remove all that were loaded</Button>
      )}
      <Alert text={error} />
      <div class="sources">
        <FromDisk onModel={addModel} />
        <ServerDownload isOpen={isOpen} onModel={addModel} />
        <HubDownload onModel={addModel} />
      </div>
    </details>
  );
}
