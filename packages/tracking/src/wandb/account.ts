// Address, entity and key of W&B, from the variables that W&B's own tools read.

import { TrackingError } from '../errors.ts';

export interface WandbAccount {
  /** Of the API, without a slash at its end. */
  readonly baseUrl: string;
  readonly key: string;
  readonly entity?: string;
}

const DEFAULT_BASE_URL = 'https://api.wandb.ai';
const SHORTEST_SECRET = 40;

/**
 * @param environment variables of the process: WANDB_API_KEY, WANDB_BASE_URL, WANDB_ENTITY
 * @throws TrackingError `no_key`, `bad_key`, `bad_setting`
 */
export function readWandbAccount(environment: Readonly<Record<string, string | undefined>>): WandbAccount {
  const key = environment.WANDB_API_KEY?.trim();
  if (!key) {
    throw new TrackingError('no_key', 'WANDB_API_KEY is not set. Set it to a key of your W&B account.');
  }
  if (!isKey(key)) {
    throw new TrackingError(
      'bad_key',
      `WANDB_API_KEY holds no key of W&B: one has ${SHORTEST_SECRET} or more letters, digits and underscores. Copy it again from your W&B account.`,
    );
  }
  const entity = environment.WANDB_ENTITY?.trim();
  return { baseUrl: baseUrl(environment.WANDB_BASE_URL?.trim()), key, ...(entity && { entity }) };
}

/**
 * Why WANDB_MODE, as W&B's own tools read it, keeps a run from being sent; undefined where it is sent.
 */
export function whyNotOnline({ WANDB_MODE }: Readonly<Record<string, string | undefined>>): string | undefined {
  const mode = WANDB_MODE?.trim() ?? '';
  if (mode === '' || mode === 'online' || mode === 'shared') return undefined;
  if (mode === 'offline' || mode === 'dryrun' || mode === 'disabled') return `WANDB_MODE is ${mode}.`;
  return `WANDB_MODE is ${mode}, which is none of online, offline and disabled.`;
}

/** A key, to which private servers add a prefix and a dash; or a token of three parts with dots between. */
function isKey(key: string): boolean {
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(key) || /^wb_at_[\w.-]+$/.test(key)) return true;
  const dash = key.indexOf('-');
  const secret = key.slice(dash + 1);
  return (
    /^[\w-]+$/.test(secret) && /^[\w.]*$/.test(key.slice(0, Math.max(0, dash))) && secret.length >= SHORTEST_SECRET
  );
}

function baseUrl(text: string | undefined): string {
  if (!text) return DEFAULT_BASE_URL;
  const url = URL.parse(text);
  const usable = url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && !url.search;
  if (!usable) {
    throw new TrackingError('bad_setting', 'WANDB_BASE_URL must be an address such as https://api.wandb.ai.');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** The address of W&B's pages. An API whose host begins with "api." has its pages at the rest of the name. */
export function runUrl(baseUrl: string, entity: string, project: string, run: string): string {
  const path = [entity, project, 'runs', run].map(encodeURIComponent).join('/');
  return `${baseUrl.replace(/^(https?:\/\/)api\./, '$1')}/${path}`;
}
