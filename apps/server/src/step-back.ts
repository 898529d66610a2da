// How a process of the server makes way for it.

import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * The server must stay quick; and where memory runs out, the system should end this process and not the server.
 * @param niceness how much lower its priority is
 */
export function stepBack(niceness: number): void {
  for (const step of [() => setPriority(niceness), () => writeFileSync('/proc/self/oom_score_adj', '500')]) {
    try {
      step();
    } catch {
      // A convenience that not every system has, or grants.
    }
  }
}
