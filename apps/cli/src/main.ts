// The command line: npm run ludic -- <command>. Most of a short command's time is reading the program, so what Node makes of
// its files is kept from one start to the next, for this process and those that it starts.

import { enableCompileCache } from 'node:module';

const { directory } = enableCompileCache();
if (directory) process.env.NODE_COMPILE_CACHE ??= directory;
await import('./program.ts');
