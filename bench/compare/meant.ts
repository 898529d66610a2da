// Differences from earlier commits that are meant, with the reason: `npm run compare` tells them and does not fail.

export interface Meant {
  readonly part: 'help' | 'openapi' | 'requests' | 'runs';
  /** Names of the facts that may differ. */
  readonly fact: RegExp;
  readonly reason: string;
}

export const MEANT: readonly Meant[] = [
  {
    part: 'help',
    fact: /^ludic train --wandb-entity|^ludic serve --trust-proxy|^ludic client --recipe/,
    reason: 'The help texts were written anew, each to be read alone; the options do what they did.',
  },
  {
    part: 'requests',
    fact: /POST \/v1\/chat\/completions .*\.choices\.\d\.(message|delta|logprobs)\./,
    reason:
      'A prompt that shared nothing with those before it was answered from the keys and values of another beginning of equal ' +
      'length. A server that is asked for nothing else answers as this one does, before and after.',
  },
];
