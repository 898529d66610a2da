// Models from elsewhere: a Ludic server, after its password, and the Hub. First what there is and how large, then a load.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { DeviceChoice, ModelListing, ModelSource } from '../engine/models/library.ts';
import { ownAddress, sessionStore, tidyAddress, useSession } from '../jobs/account.ts';
import { Button } from '../ui/button.tsx';
import { DeviceField } from '../ui/device-field.tsx';
import { CheckLine, TextField } from '../ui/fields.tsx';
import { Alert, Form } from '../ui/form.tsx';
import { bytes } from '../ui/numbers.ts';
import { useWork, WorkStatus } from '../ui/work.tsx';

const HUB = 'https://huggingface.co';

/** @param isOpen whether the visitor looks at it: then the models of a server that the page is signed in to are shown */
export function ServerDownload({
  isOpen,
  onModel,
}: {
  readonly isOpen: boolean;
  readonly onModel: (name: string) => void;
}) {
  const { account, left } = useSession();
  const [address, setAddress] = useState(ownAddress);
  const [password, setPassword] = useState('');
  const [keep, setKeep] = useState(false);
  useEffect(() => {
    if (left) setAddress(left.address);
  }, [left]);
  return (
    <DownloadForm
      // Signing in or out empties the list.
      key={account ? 'in' : 'out'}
      title="From a Ludic server"
      text="Its models are played here, not there. The password stays in this page, which is signed in to the server's jobs as well."
      button={account ? 'Show its models' : 'Sign in'}
      source={{ from: 'server', ...(account ?? { address: tidyAddress(address), password }) }}
      eager={isOpen && account !== undefined}
      previousError={left?.error}
      onShown={(source) => {
        if (account || source.from !== 'server') return;
        sessionStore.signIn({ address: source.address, password: source.password }, keep);
        setPassword('');
      }}
      onRefused={(message) => account && sessionStore.leave(account, message)}
      onModel={onModel}
      buttons={account && <Button onClick={() => sessionStore.leave(account)}>Sign out</Button>}
    >
      {account ? (
        <p>
          Signed in to <b>{account.address.replace(/^https?:\/\//, '')}</b>.
        </p>
      ) : (
        <>
          <TextField label="Address" type="url" value={address} onChange={setAddress} />
          <TextField label="Password" type="password" value={password} onChange={setPassword} />
          <CheckLine text="Stay signed in until this tab closes" checked={keep} onChange={setKeep} />
        </>
      )}
    </DownloadForm>
  );
}

/** Only public models: the page asks for no token of the Hub. */
export function HubDownload({ onModel }: { readonly onModel: (name: string) => void }) {
  const [id, setId] = useState('');
  const [address, setAddress] = useState(HUB);
  return (
    <DownloadForm
      title="From the Hugging Face Hub"
      text="A model with ONNX files, which transformers.js runs. It is downloaded from there when you load it."
      button="Show its variants"
      source={{ from: 'hub', address, id: id.trim() }}
      onModel={onModel}
    >
      <TextField label="Model" hint="OWNER/NAME" value={id} onChange={setId} />
      <TextField label="Hub" type="url" value={address} onChange={setAddress} />
    </DownloadForm>
  );
}

/** A form that lists what a source has, and loads what is chosen of it. */
function DownloadForm({
  title,
  text,
  button,
  source,
  eager = false,
  previousError = '',
  onShown = () => {},
  onRefused = () => {},
  onModel,
  buttons,
  children,
}: {
  readonly title: string;
  readonly text: string;
  readonly button: string;
  readonly source: ModelSource;
  /** Looks without being told to, as soon as it is. */
  readonly eager?: boolean;
  /** What went wrong before. */
  readonly previousError?: string | undefined;
  readonly onShown?: (source: ModelSource) => void;
  readonly onRefused?: (message: string) => void;
  readonly onModel: (name: string) => void;
  readonly buttons?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  const { storage } = useAppContext();
  const { work, run, stop } = useWork();
  const [listings, setListings] = useState<readonly ModelListing[]>();
  const [shown, setShown] = useState(source);
  const [device, setDevice] = useState<DeviceChoice>('auto');
  const [news, setNews] = useState('');
  const running = work.state === 'running';
  const browse = async () => {
    setNews('');
    setListings(undefined);
    setShown(source);
    const found = await run({ type: 'browse', source });
    setListings(found);
    if (found) onShown(source);
  };
  useEffect(() => {
    if (eager && !running) void browse();
  }, [eager]);
  useEffect(() => {
    if (work.state === 'failed' && work.code === 'unauthorized') onRefused(work.message);
  }, [work]);
  const load = async (listing: ModelListing) => {
    setNews('');
    const answer = await run({ type: 'load', source: shown, listing, device });
    if (!answer) return;
    setNews(answer.error ?? `${answer.card.name} is here, and stored in this browser.`);
    onModel(answer.card.name);
  };
  return (
    <section class="source" aria-label={title}>
      <h3>{title}</h3>
      <p>{text}</p>
      <Form onSubmit={() => void browse()}>
        {children}
        <div class="buttons">
          <button type="submit" disabled={running}>
            {button}
          </button>
          {buttons}
          {running && <Button onClick={stop}>Stop</Button>}
        </div>
      </Form>
      {listings && listings.length > 0 && <DeviceField device={device} onChange={setDevice} />}
      {listings && (
        <ul class="cards" aria-label={`What ${title.replace('From', 'comes from')}`}>
          {listings.map((listing) => (
            <li key={listing.name}>
              <span>
                <b>{listing.title}</b>
                <small>
                  {[bytes(listing.size), ...(listing.detail === '' ? [] : [listing.detail])].join(' · ')}
                  {storage.cards.some(({ name }) => name === listing.name) && ' · is here'}
                </small>
              </span>
              <Button disabled={running} aria-label={`Load ${listing.title}`} onClick={() => load(listing)}>
                Load
              </Button>
            </li>
          ))}
        </ul>
      )}
      <WorkStatus work={work} />
      {work.state === 'idle' && previousError !== '' && <Alert text={previousError} />}
      <p role="status">{news}</p>
    </section>
  );
}
