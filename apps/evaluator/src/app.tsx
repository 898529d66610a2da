// The frame of the page: its name, what it computes on, its views as tabs.

import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { type AppContext, AppContextProvider, type Opened } from './app-context.tsx';
import type { Engine } from './engine/client.ts';
import type { LibraryStorage } from './engine/models/library.ts';
import type { Answers } from './engine/protocol.ts';
import { knownHere } from './ui/game/model-game.ts';
import { Tabs } from './ui/tabs.tsx';
import { VIEWS } from './views.ts';

/** Holds what all views share, and asks the engine for it once: views come and go, the engine stays. */
export function App({ engine }: { readonly engine: Engine }) {
  const [devices, setDevices] = useState<Answers['devices']>();
  const [storage, setStorage] = useState<LibraryStorage>({ cards: [], used: undefined, quota: undefined });
  const refreshModels = useCallback(() => engine.ask({ type: 'models' }).then(setStorage, () => {}), [engine]);
  useEffect(() => {
    engine.ask({ type: 'devices' }).then(setDevices, () => setDevices([]));
    void refreshModels();
  }, [engine, refreshModels]);
  const [playable, models] = useMemo(() => {
    const named = (cards: LibraryStorage['cards']) => [...new Set(['nano', ...cards.map(({ name }) => name)])];
    return [named(storage.cards), named(storage.cards.filter(({ dtype }) => dtype === undefined))];
  }, [storage]);
  const [opened, setOpened] = useState<Opened>();
  const openModel = useCallback(
    (next: Opened) => {
      void refreshModels();
      setOpened(next);
      location.hash = 'evaluate';
    },
    [refreshModels],
  );
  const gameOf = useCallback(
    // A model that is not here, or is damaged, is told of where it is played.
    (model: string) => engine.ask({ type: 'game', model }).then(knownHere, () => undefined),
    [engine],
  );
  const context: AppContext = useMemo(
    () => ({ engine, devices, playable, models, storage, refreshModels, gameOf, opened, openModel }),
    [engine, devices, playable, models, storage, refreshModels, gameOf, opened, openModel],
  );
  return (
    <AppContextProvider value={context}>
      <header class="top">
        <h1>
          <span class="mark" aria-hidden="true" />
          Ludic
        </h1>
        <p>Language models that learn to play, on this machine</p>
      </header>
      <main>
        <Tabs views={VIEWS} />
      </main>
      <footer class="bottom">
        <Devices devices={devices} />
      </footer>
    </AppContextProvider>
  );
}

/** What models can compute on here, or why a device cannot be used. */
function Devices({ devices }: Pick<AppContext, 'devices'>) {
  if (!devices) return <p>Looking for devices…</p>;
  return (
    <ul class="devices">
      {devices.map((report) => (
        <li key={report.device} data-present={report.present}>
          <b>{report.device === 'cpu' ? 'CPU' : 'WebGPU'}</b>{' '}
          {report.present
            ? [
                report.description,
                ...(report.threads === undefined
                  ? []
                  : [`${report.threads} ${report.threads === 1 ? 'thread' : 'threads'}`]),
                ...(report.software ? ['software adapter: correct, but slow'] : []),
              ].join(', ')
            : report.reason}
        </li>
      ))}
    </ul>
  );
}
