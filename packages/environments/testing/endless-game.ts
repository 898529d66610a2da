// For tests: TicTacToe under the id `endless`, whose step never comes back in some games. Load it with
// NODE_OPTIONS=--import=…, so that it is registered in every process. ENDLESS_FROM: the number of the step, counted over
// the games of its process, that does not come back; with ENDLESS_IN=workers only in processes of a run. ENDLESS_ONCE: a
// file; where it is there, all steps come back.

import { existsSync, writeFileSync } from 'node:fs';
import { findEnvironment, registerEnvironment } from '../src/index.ts';

const { ENDLESS_FROM = '1', ENDLESS_ONCE, ENDLESS_IN } = process.env;
const isHere = ENDLESS_IN !== 'workers' || process.connected;
const definition = findEnvironment('tic_tac_toe');
let steps = 0;

registerEnvironment({
  ...definition,
  id: 'endless',
  create(config: unknown) {
    const environment = definition.create(config);
    return {
      reset: (seed: number, options?: object) => environment.reset(seed, options),
      step(reply: string) {
        if (isHere && ++steps >= Number(ENDLESS_FROM) && !(ENDLESS_ONCE && existsSync(ENDLESS_ONCE))) {
          if (ENDLESS_ONCE) writeFileSync(ENDLESS_ONCE, '');
          for (;;);
        }
        return environment.step(reply);
      },
      get state() {
        return environment.state;
      },
      get memory() {
        return environment.memory;
      },
    };
  },
});
