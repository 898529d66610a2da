// For tests: a worker as a process of its own. Arguments: the URL of the server, its threads, files of games.

import { randomUUID } from 'node:crypto';
import { loadGameFile } from '@ludic/environments/node';
import { natsOptions, runWorker } from '../src/node.ts';

const [url, threads, ...games] = process.argv.slice(2) as [string, string, ...string[]];
for (const game of games) await loadGameFile(game, import.meta.url);
const controller = new AbortController();
process.on('SIGTERM', () => controller.abort());
await runWorker({
  nats: natsOptions(url, process.env),
  threads: Number(threads),
  id: randomUUID(),
  say: (line) => console.log(line),
  signal: controller.signal,
}).catch((error) => {
  if (!controller.signal.aborted) throw error;
});
