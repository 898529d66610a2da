// Models from elsewhere: a Ludic server, after its password, and the Hub. First what there is and how large, then a load.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { DeviceChoice } from '../engine/protocol.ts';
import type { Offer, Shop } from '../engine/shelf.ts';
import { bytes } from '../numbers.ts';
import { useWorkplace } from '../workplace.tsx';
import { TextField } from './fields.tsx';
import { DeviceField } from './model-fields.tsx';
import { useWork, WorkStatus } from './work.tsx';

const HUB = 'https://huggingface.co';

export function FromServer({ onModel }: { readonly onModel: (name: string) => void }) {
  const [address, setAddress] = useState(location.origin);
  const [password, setPassword] = useState('');
  return (
    <ShopForm
      title="From a Ludic server"
      text="Its models are played here, not there. The password stays in this page."
      button="Show its models"
      shop={{ from: 'server', address, password }}
      onModel={onModel}
    >
      <TextField label="Address" type="url" value={address} onChange={setAddress} />
      <TextField label="Password" type="password" value={password} onChange={setPassword} />
    </ShopForm>
  );
}

export function FromHub({ onModel }: { readonly onModel: (name: string) => void }) {
  const [id, setId] = useState('');
  const [address, setAddress] = useState(HUB);
  return (
    <ShopForm
      title="From the Hugging Face Hub"
      text="A model with ONNX files, which transformers.js runs. It is downloaded from there when you load it."
      button="Show its variants"
      shop={{ from: 'hub', address, id: id.trim() }}
      onModel={onModel}
    >
      <TextField label="Model" hint="OWNER/NAME" value={id} onChange={setId} />
      <TextField label="Hub" type="url" value={address} onChange={setAddress} />
    </ShopForm>
  );
}

function ShopForm({
  title,
  text,
  button,
  shop,
  onModel,
  children,
}: {
  readonly title: string;
  readonly text: string;
  readonly button: string;
  readonly shop: Shop;
  readonly onModel: (name: string) => void;
  readonly children: ComponentChildren;
}) {
  const { storage } = useWorkplace();
  const { work, run, stop } = useWork();
  const [offers, setOffers] = useState<readonly Offer[]>();
  const [shown, setShown] = useState(shop);
  const [device, setDevice] = useState<DeviceChoice>('auto');
  const [news, setNews] = useState('');
  const running = work.state === 'running';
  const look = async () => {
    setNews('');
    setOffers(undefined);
    setShown(shop);
    setOffers(await run({ type: 'browse', shop }));
  };
  const load = async (offer: Offer) => {
    setNews('');
    const answer = await run({ type: 'load', shop: shown, offer, device });
    if (!answer) return;
    setNews(answer.trouble ?? `${answer.card.name} is here, and kept in this browser.`);
    onModel(answer.card.name);
  };
  return (
    <section class="source" aria-label={title}>
      <h3>{title}</h3>
      <p>{text}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void look();
        }}
      >
        {children}
        <div class="buttons">
          <button type="submit" disabled={running}>
            {button}
          </button>
          {running && (
            <button type="button" onClick={stop}>
              Stop
            </button>
          )}
        </div>
      </form>
      {offers && offers.length > 0 && <DeviceField device={device} onChange={setDevice} />}
      {offers && (
        <ul class="cards" aria-label={`What ${title.replace('From', 'comes from')}`}>
          {offers.map((offer) => (
            <li key={offer.name}>
              <span>
                <b>{offer.title}</b>
                <small>
                  {[bytes(offer.size), ...(offer.detail === '' ? [] : [offer.detail])].join(' · ')}
                  {storage.cards.some(({ name }) => name === offer.name) && ' · is here'}
                </small>
              </span>
              <button type="button" disabled={running} aria-label={`Load ${offer.title}`} onClick={() => load(offer)}>
                Load
              </button>
            </li>
          ))}
        </ul>
      )}
      <WorkStatus work={work} />
      <p role="status">{news}</p>
    </section>
  );
}
