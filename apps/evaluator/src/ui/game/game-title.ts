// A game by its name and the size of its grid, which is what tells its versions apart at a glance.

import { environments } from '@ludic/environments';
import type { EnvironmentSpec } from '@ludic/rollouts';

/** `KeyDoor 3×3`, `Tic-Tac-Toe`; of a run in a game that this page does not have, its id. */
export function gameTitle({ environment, config }: Pick<EnvironmentSpec, 'environment' | 'config'>): string {
  const { title = environment, configSchema } = environments.get(environment) ?? {};
  const size = config.size ?? configSchema?.properties.size?.default;
  return size === undefined ? title : `${title} ${size}×${size}`;
}
