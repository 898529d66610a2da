// What a game that runs in a page may import of Ludic: the page has these functions already, and gives it no others.

import { deriveSeed, stream } from '@ludic/random';
import { resolveConfig } from './config.ts';
import { defineEnvironment } from './define-environment.ts';
import { defineTask } from './define-task.ts';
import { EnvironmentError } from './errors.ts';
import { environments, findEnvironment } from './registry.ts';

const ofEnvironments = {
  defineEnvironment,
  defineTask,
  EnvironmentError,
  environments,
  findEnvironment,
  resolveConfig,
};
const ofRandom = { deriveSeed, stream };

/** By the name of the package. */
export const PACKAGES_OF_GAMES = {
  '@ludic/environments': ofEnvironments,
  '@ludic/random': ofRandom,
  ludic: { ...ofEnvironments, ...ofRandom },
};

/** Where a page puts them for games that it loads: games are bundled so that they find them there. */
export const PACKAGES_SYMBOL = 'ludic.packages';
