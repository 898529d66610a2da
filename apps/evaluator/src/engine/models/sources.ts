// Where models are loaded from: a Ludic server, after its password, and a Hugging Face hub. Each says what it has, with
// the sizes of all files, before anything large is asked for.

import { LudicError } from '@ludic/io';
import { readConfig, tensorsOf } from '@ludic/models';
import type { TransformersDtype } from '@ludic/policies/transformers';
import type { Model } from '@ludic/service';
import { parseBaseUrl } from '@ludic/service/client';
import type { Needs } from './fit.ts';
import type { ListedFile, ModelListing, ModelSource } from './library.ts';

/** `unauthorized`: the server does not accept the password, or no longer. */
export class SourceError extends LudicError<'not_fetched' | 'unauthorized'> {
  override readonly name = 'SourceError';
  constructor(
    message: string,
    { code = 'not_fetched', ...options }: ErrorOptions & { code?: SourceError['code'] } = {},
  ) {
    super(code, message, options);
  }
}

/** What to send with every question to a source. Headers are bytes: a password of other characters travels as its UTF-8. */
export const headersOf = (source: ModelSource): Readonly<Record<string, string>> =>
  source.from === 'server'
    ? { authorization: `Bearer ${String.fromCharCode(...new TextEncoder().encode(source.password))}` }
    : {};

/** @throws SourceError in a sentence; ClientError where the address is none for a password */
export const browse = (source: ModelSource, signal: AbortSignal): Promise<readonly ModelListing[]> =>
  source.from === 'server' ? listServerModels(source, signal) : listHubModels(source, signal);

/** `GET /models` of a server. Pickled weights are left out where the same model has safetensors. */
async function listServerModels(
  source: ModelSource & { from: 'server' },
  signal: AbortSignal,
): Promise<readonly ModelListing[]> {
  const place = placeOf(parseBaseUrl(source.address));
  const { models } = (await ask(`${place}/models`, source, signal)) as { models: readonly Model[] };
  return models
    .filter(({ status }) => status !== 'empty')
    .map(({ name, status, env_type, files: all }) => {
      const wanted = all.filter(({ path }) => isModelFile(path));
      const single = wanted.some(({ path }) => path.endsWith('.safetensors'));
      const files = wanted
        .filter(({ path }) => !single || !path.endsWith('.bin'))
        .map(({ path, size_bytes }) => ({
          file: path,
          url: `${place}/models/${encodeURIComponent(name)}/${encodeURI(path)}`,
          size: size_bytes,
        }));
      const game = env_type === null ? '' : `trained in ${env_type.replaceAll('_', ' ')}`;
      const detail = [game, ...(status === 'training' ? ['still training'] : [])].filter((part) => part !== '');
      return { name: `${name} on ${place}`, title: name, detail: detail.join(', '), size: sizeOf(files), files };
    });
}

/** A server is known by its base URL without the last slash. */
const placeOf = ({ href }: URL): string => href.slice(0, -1);

/** Not optimizers and exports, which lie beside some models. */
const isModelFile = (path: string) =>
  /^[\w.-]+\.(json|safetensors|bin|txt|jinja|model)$/.test(path) && !/^(optimizer|trainer|metrics)/.test(path);

/** By the end of an ONNX file's name. */
const DTYPES: Readonly<Record<string, TransformersDtype>> = {
  '': 'fp32',
  _fp16: 'fp16',
  _q4: 'q4',
  _q4f16: 'q4f16',
  _quantized: 'q8',
  _int8: 'int8',
  _uint8: 'uint8',
  _bnb4: 'bnb4',
};

/**
 * The ONNX variants of one model on the Hub, the smallest first. Each lists its weights and all small files of the
 * folder.
 */
async function listHubModels(
  source: ModelSource & { from: 'hub' },
  signal: AbortSignal,
): Promise<readonly ModelListing[]> {
  const { id } = source;
  if (!/^[\w.-]+\/[\w.-]+$/.test(id))
    throw new SourceError(
      `A model on the Hub is called OWNER/NAME, such as onnx-community/Qwen3-0.6B-ONNX, not "${id}".`,
    );
  const origin = originOf(source.address);
  const listed = (await ask(`${origin}/api/models/${id}/tree/main?recursive=true`, source, signal)) as readonly {
    readonly type: string;
    readonly path: string;
    readonly size: number;
  }[];
  const all = listed
    .filter(({ type }) => type === 'file')
    .map(
      ({ path, size }): ListedFile => ({ file: path, url: `${origin}/${id}/resolve/main/${encodeURI(path)}`, size }),
    );
  const small = all.filter(({ file }) => /^[\w.-]+\.(json|jinja|txt)$/.test(file));
  const listings = all.flatMap(({ file }): ModelListing[] => {
    const dtype = DTYPES[/^onnx\/model(_\w+|)\.onnx$/.exec(file)?.[1] ?? '?'];
    if (!dtype) return [];
    const weights = all.filter((one) => one.file === file || one.file.startsWith(`${file}_data`));
    const files = [...small, ...weights];
    return [{ name: `${id} as ${dtype} on ${origin}`, title: dtype, detail: '', size: sizeOf(files), files, dtype }];
  });
  if (listings.length === 0)
    throw new SourceError(
      `${id} has no files that transformers.js can run (onnx/model.onnx and its variants). Choose one that has, as those of onnx-community do.`,
    );
  return listings.sort((a, b) => a.size - b.size);
}

/** What a model will need on a device, from the sizes of its files and its config.json. */
export function needsOf({ files, dtype }: ModelListing, config: unknown): Needs {
  if (dtype === undefined) {
    // Computed with as float32, whatever the file has.
    const sizes = [...tensorsOf(readConfig(config)).values()].map(({ shape }) => 4 * shape.reduce((n, d) => n * d, 1));
    return {
      weights: sizes.reduce((a, b) => a + b, 0),
      largest: Math.max(...sizes),
      throughWasm: false,
      float16: false,
    };
  }
  const { vocab_size, hidden_size } = (config ?? {}) as {
    readonly vocab_size?: unknown;
    readonly hidden_size?: unknown;
  };
  const width = { fp32: 4, fp16: 2 }[dtype as string];
  const table = Number(vocab_size) * Number(hidden_size) * (width ?? Number.NaN);
  return {
    weights: sizeOf(files.filter(({ file }) => file.startsWith('onnx/'))),
    largest: Number.isFinite(table) ? table : undefined,
    throughWasm: true,
    float16: dtype === 'fp16' || dtype === 'q4f16',
  };
}

const sizeOf = (files: readonly { readonly size: number }[]) => files.reduce((sum, { size }) => sum + size, 0);

/** @throws SourceError where the text is no address of HTTP */
function originOf(address: string): string {
  const whole = /^[a-z]+:\/\//i.test(address.trim()) ? address.trim() : `https://${address.trim()}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new SourceError(`"${address}" is no address. Write it as https://hub.example or http://127.0.0.1:8000.`);
  return url.origin;
}

const whoIs = ({ from, address }: ModelSource): string =>
  from === 'server' ? `The server ${address}` : `The Hub at ${originOf(address)}`;

/** @param why as the server says it */
export const refused = (source: ModelSource, why = ''): SourceError =>
  new SourceError(`${whoIs(source)} does not take this password. ${why}`.trim(), { code: 'unauthorized' });

/** @returns the JSON of a good answer @throws SourceError for everything else */
async function ask(url: string, source: ModelSource, signal: AbortSignal): Promise<unknown> {
  const { origin } = new URL(url);
  const who = whoIs(source);
  let response: Response;
  try {
    response = await fetch(url, { headers: headersOf(source), signal });
  } catch (error) {
    signal.throwIfAborted();
    const allow =
      source.from === 'server' && origin !== location.origin
        ? ` If it runs, it does not let this page ask it: start it with --allow-origin ${location.origin}.`
        : '';
    throw new SourceError(`${who} cannot be reached.${allow}`, { cause: error });
  }
  const answer = (await response.json().catch(() => undefined)) as
    | { readonly error?: { readonly message?: unknown } | string }
    | undefined;
  if (response.ok && typeof answer === 'object') return answer;
  if (source.from === 'hub' && [401, 403, 404].includes(response.status))
    throw new SourceError(`${who} has no public model ${source.id}. Look whether the name is right.`);
  const { error } = answer ?? {};
  const why = typeof error === 'object' && typeof error.message === 'string' ? error.message : undefined;
  if (response.status === 401) throw refused(source, why);
  throw new SourceError(why ? `${who} says: ${why}` : `${who} answers ${response.status} and no list of models.`);
}
