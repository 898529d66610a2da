// Where the Hub is, who asks, and where its files are kept: read from the variables that Python's huggingface_hub reads,
// so that both see one cache.

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HUB_URL } from '@huggingface/hub';
import { HubError } from './errors.ts';

/** Which Hub is asked, with which token, and where its files are kept. `readHubSettings` reads the environment. */
export interface HubSettings {
  /** Without a slash at the end. */
  readonly endpoint: string;
  /** Sent to the endpoint alone, never to where it redirects. */
  readonly token: string | undefined;
  /** The folder that holds `models--org--name`. */
  readonly cache: string;
  /** Nothing may be sent. */
  readonly offline: boolean;
}

type ProcessEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * `HF_ENDPOINT`; `HF_TOKEN`, else the file at `HF_TOKEN_PATH`, else `HF_HOME/token`; `HF_HUB_CACHE`, else `HF_HOME/hub`;
 * `HF_HUB_OFFLINE`. `HF_HOME` is `~/.cache/huggingface` where it is not set.
 * @throws HubError `bad_reference` where HF_ENDPOINT is no address
 */
export async function readHubSettings(env: ProcessEnvironment): Promise<HubSettings> {
  const set = (name: string) => (env[name]?.trim() ? env[name].trim() : undefined);
  const path = (name: string) => {
    const value = set(name);
    return value === undefined ? undefined : expand(value, env);
  };
  const home = path('HF_HOME') ?? join(path('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  const endpoint = (set('HF_ENDPOINT') ?? HUB_URL).replace(/\/+$/, '');
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    throw new HubError('bad_reference', `HF_ENDPOINT is ${endpoint}; it must be an address such as ${HUB_URL}.`);
  const file = path('HF_TOKEN_PATH') ?? join(home, 'token');
  return {
    endpoint,
    token: set('HF_TOKEN') ?? set('HUGGING_FACE_HUB_TOKEN') ?? (await tokenIn(file)),
    cache: path('HF_HUB_CACHE') ?? path('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub'),
    offline: isTrue(set('HF_HUB_OFFLINE') ?? set('TRANSFORMERS_OFFLINE')),
  };
}

async function tokenIn(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim() || undefined;
}

const isTrue = (text: string | undefined) => /^(1|on|yes|true)$/i.test(text ?? '');

/** A leading `~` and variables, as a shell would. */
function expand(path: string, env: ProcessEnvironment): string {
  return path
    .replace(/^~(?=\/|\\|$)/, () => homedir())
    .replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain, braced) => env[plain ?? braced] ?? whole);
}
