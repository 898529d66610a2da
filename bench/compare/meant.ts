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
];
