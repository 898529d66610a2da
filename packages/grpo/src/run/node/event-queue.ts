// Events of a run and of its workers, emitted one after the other. A listener that takes its time holds up the run, and one
// that fails ends it.

import type { RunEvent } from '../run-events.ts';

export type Listener = (event: RunEvent) => unknown;

/** @returns emits an event after all before it; rejects for good once the listener has failed */
export function eventQueue(listener: Listener): (event: RunEvent) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (event) => {
    last = last.then(async () => {
      await listener(event);
    });
    // Workers do not wait: their failure rejects the next event of the run itself.
    last.catch(() => {});
    return last;
  };
}
