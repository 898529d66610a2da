// The frame of the page: its name, what it computes on, its views as tabs.

import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { Tabs } from './components/tabs.tsx';
import type { Engine } from './engine/client.ts';
import type { Answers } from './engine/protocol.ts';
import { VIEWS } from './views.ts';
import { type Opened, type Workplace, WorkplaceProvider } from './workplace.tsx';

export function App({ engine }: { readonly engine: Engine }) {
  const [devices, setDevices] = useState<Answers['devices']>();
  const [models, setModels] = useState<readonly string[]>(['nano']);
  useEffect(() => {
    engine.ask({ type: 'devices' }).then(setDevices, () => setDevices([]));
  }, [engine]);
  const addModel = useCallback(
    (name: string) => setModels((known) => [...known.filter((one) => one !== name), name]),
    [],
  );
  const [opened, setOpened] = useState<Opened>();
  const openModel = useCallback(
    (next: Opened) => {
      addModel(next.model);
      setOpened(next);
      location.hash = 'evaluate';
    },
    [addModel],
  );
  const workplace: Workplace = useMemo(
    () => ({ engine, devices, models, addModel, opened, openModel }),
    [engine, devices, models, addModel, opened, openModel],
  );
  return (
    <WorkplaceProvider value={workplace}>
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
    </WorkplaceProvider>
  );
}

function Devices({ devices }: Pick<Workplace, 'devices'>) {
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
                ...(report.software ? ['software: right numbers, no speed'] : []),
              ].join(', ')
            : report.reason}
        </li>
      ))}
    </ul>
  );
}
