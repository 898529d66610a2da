// Models that other software runs: an endpoint of chat completions, or transformers.js. Their names and their own options.

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SamplingParams } from '@ludic/inference';
import type { Policy } from '@ludic/policies';
import { CONCURRENCY, RETRIES, TIMEOUT } from '@ludic/policies/internal';
import { openaiPolicy } from '@ludic/policies/openai';
import { TRANSFORMERS_DTYPES, type TransformersDtype, transformersPolicy } from '@ludic/policies/transformers';
import { type Command, Option } from 'commander';
import { UsageError } from '../failure.ts';
import { decimal, whole } from '../options/input.ts';

export interface OutsideOptions {
  /** Seconds. */
  readonly timeout?: number;
  readonly concurrency?: number;
  readonly retries?: number;
  readonly dtype?: TransformersDtype;
}

const ENDPOINT_FORM = 'openai:http://localhost:8000/v1#MODEL';
const TRANSFORMERS_FORM = 'transformers:FOLDER or transformers:OWNER/NAME';
const ENDPOINT_OPTIONS = ['timeout', 'concurrency', 'retries'] as const;
const TRANSFORMERS_OPTIONS = ['dtype'] as const;

/** What `--model` takes, for the help of commands that play. */
export const POLICY_NAMES = `nano, a model folder, a GGUF file, a run, org/name of the Hugging Face Hub, a scripted player such as random or expert, ${ENDPOINT_FORM}, ${TRANSFORMERS_FORM}`;

/** Adds the options that apply to models of other software only. */
export function withOutsideOptions(command: Command): Command {
  const endpoint = 'An openai: endpoint (its key comes from OPENAI_API_KEY):';
  return command
    .addOption(
      new Option('--timeout <seconds>', `Seconds after which a request counts as lost (default: ${TIMEOUT})`)
        .argParser(decimal(0.001, 86_400))
        .helpGroup(endpoint),
    )
    .addOption(
      new Option('--concurrency <n>', `Most requests at once (default: ${CONCURRENCY})`)
        .argParser(whole(1))
        .helpGroup(endpoint),
    )
    .addOption(
      new Option('--retries <n>', `How often a failed request is sent again (default: ${RETRIES})`)
        .argParser(whole(0))
        .helpGroup(endpoint),
    )
    .addOption(
      new Option('--dtype <type>', 'Number format of a transformers.js model (default: fp32)')
        .choices(TRANSFORMERS_DTYPES)
        .helpGroup('A transformers: model:'),
    );
}

/**
 * @param name what stands after `--model`
 * @returns undefined where it names a model of our own; then none of the options may be there
 */
export async function openOutsidePolicy(
  name: string,
  settings: SamplingParams,
  options: OutsideOptions & { readonly adapter?: string },
): Promise<Policy | undefined> {
  const [, kind, rest = ''] = /^(openai|transformers):(.*)$/s.exec(name) ?? [];
  if (kind !== 'openai') refuse(options, ENDPOINT_OPTIONS, `for endpoints, such as ${ENDPOINT_FORM}`);
  if (kind !== 'transformers') refuse(options, TRANSFORMERS_OPTIONS, `for ${TRANSFORMERS_FORM}`);
  if (kind === undefined) return undefined;
  if (options.adapter !== undefined)
    throw new UsageError(`--adapter needs a model of our own; ${kind}: models take none. Merge it with ludic export.`);
  return kind === 'openai' ? openEndpoint(rest, settings, options) : openTransformers(rest, settings, options);
}

function refuse(options: OutsideOptions, names: readonly (keyof OutsideOptions)[], place: string): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given) throw new UsageError(`--${given} is ${place}.`);
}

function openEndpoint(place: string, { topK, ...settings }: SamplingParams, options: OutsideOptions): Policy {
  const at = place.indexOf('#');
  const baseUrl = place.slice(0, Math.max(0, at));
  const model = place.slice(at + 1);
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || model === '')
    throw new UsageError(`An endpoint is written as URL#MODEL with the URL up to /v1, such as ${ENDPOINT_FORM}.`);
  if (topK !== 0) throw new UsageError('Chat completions know no --top-k; use --top-p.');
  const { timeout, concurrency, retries } = options;
  const apiKey = process.env.OPENAI_API_KEY || undefined;
  return openaiPolicy({ ...settings, baseUrl, model, apiKey, timeout, concurrency, retries });
}

async function openTransformers(place: string, settings: SamplingParams, { dtype }: OutsideOptions): Promise<Policy> {
  const local = statSync(place, { throwIfNoEntry: false })?.isDirectory() ?? false;
  // A name on the Hub has at most one slash and no dots that lead out of a folder.
  if (!local && !/^\w[\w.-]*(\/[\w.-]+)?$/.test(place))
    throw new UsageError(`${place || 'Nothing'} is no folder and no name of a model. Use ${TRANSFORMERS_FORM}.`);
  return transformersPolicy({ model: local ? resolve(place) : place, local, dtype }, settings);
}
