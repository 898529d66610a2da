// The channel between a process and the child that it forked.

import type { ChildProcess } from 'node:child_process';
import type { Channel } from '../channel.ts';

/** A channel to a child that was forked, or from inside one, where `end` is `process`, to its parent. */
export const ipcChannel = <Out extends object, In extends object>(
  end: ChildProcess | NodeJS.Process,
): Channel<Out, In> => ({
  send: (message) =>
    new Promise((resolve) => {
      // The end of a process says why it hears no more.
      if (end.connected) end.send!(message, undefined, undefined, (error) => resolve(!error));
      else resolve(false);
    }),
  listen: (hear) => void end.on('message', (message: In) => hear(message)),
});
