// Events of a run and of its workers, told one after the other. A listener that takes its time holds up the run, and one
// that fails ends it.

import type { RunEvent } from '../run-events.ts';

export type Listener = (event: RunEvent) => unknown;

/** @returns tells an event after all before it; rejects for good once the listener has failed */
export function eventQueue(listener: Listener): (event: RunEvent) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (event) => {
    last = last.then(async () => {
      await listener(event);
    });
    // Workers tell without waiting: their failure is met by what the run itself tells next.
    last.catch(() => {});
    return last;
  };
}
