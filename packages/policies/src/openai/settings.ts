// How an endpoint is asked: where, whom, how patiently.

import type { SamplingParams } from '@ludic/inference';
import { PolicyError } from '@ludic/inference';
import { checkSampling } from '@ludic/inference/internal';
import type { Sleep } from '@ludic/io';

/** Requests under way at once. */
export const CONCURRENCY = 8;
/** Seconds until a request counts as lost. */
export const TIMEOUT = 60;
/** How often a request is sent again before its game fails. */
export const RETRIES = 5;

/** Chat completions know no top-k. */
export interface EndpointSettings extends Omit<SamplingParams, 'topK'> {
  /** Where `/chat/completions` lies, such as `https://host/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Sent as a bearer token; never shown. */
  readonly apiKey?: string;
  /** Requests under way at once; {@link CONCURRENCY} by default. */
  readonly concurrency?: number;
  /** In seconds; {@link TIMEOUT} by default. */
  readonly timeout?: number;
  /** {@link RETRIES} by default. */
  readonly retries?: number;
  /** Waits between tries; by default with the machine's timer. */
  readonly sleep?: Sleep;
}

/** @throws PolicyError `bad_setting` */
export function checkEndpoint(settings: EndpointSettings): void {
  const { baseUrl, model, apiKey, concurrency = CONCURRENCY, timeout = TIMEOUT, retries = RETRIES } = settings;
  checkSampling({ ...settings, topK: 0 });
  const refuse = (what: string) => {
    throw new PolicyError('bad_setting', what);
  };
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    refuse('The URL of an endpoint begins with http:// or https:// and usually ends in /v1.');
  // What is written into a URL shows up in logs.
  else if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    refuse('The URL of an endpoint holds no password and nothing after its path; its key is a setting of its own.');
  if (model === '') refuse("The name of the endpoint's model is missing.");
  if (apiKey !== undefined && !/^[\x21-\x7e](?:[ -~]*[\x21-\x7e])?$/.test(apiKey))
    refuse('The API key has a character that no header takes, such as a line break, or a space at its end.');
  if (!(Number.isInteger(concurrency) && concurrency > 0))
    refuse(`concurrency ${concurrency} (a whole number above 0)`);
  if (!(timeout > 0 && timeout <= LONGEST_TIMEOUT)) refuse(`timeout ${timeout} (seconds, at most ${LONGEST_TIMEOUT})`);
  if (!(Number.isInteger(retries) && retries >= 0)) refuse(`retries ${retries} (a whole number, 0 for none)`);
}

/** A day: timers count milliseconds in 31 bits. */
const LONGEST_TIMEOUT = 86_400;
