// Loaded before a program (`node --import`): adds the CPU seconds that its process has used to the file that
// CPU_SECONDS_FILE names, one line for each process.

import { appendFileSync } from 'node:fs';

const file = process.env.CPU_SECONDS_FILE;
// Worker processes inherit the variable and count for themselves.
if (file)
  process.on('exit', () => {
    const { user, system } = process.cpuUsage();
    appendFileSync(file, `${((user + system) / 1e6).toFixed(1)}\n`);
  });
