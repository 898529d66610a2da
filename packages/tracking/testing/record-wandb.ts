// npm run record:wandb -- PYTHON: records what W&B's own Python client sends, to packages/tracking/fixtures/wandb-traffic.json.
// PYTHON is an interpreter with `wandb` installed. What tells of the machine is taken out.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { scrubbed } from './scrub.ts';
import { ENTITY, WANDB_KEY, WandbServer } from './wandb-server.ts';

const python = process.argv[2];
if (!python) throw new Error('Name a Python with wandb: npm run record:wandb -- .venv/bin/python');
const PLACE = join(import.meta.dirname, '..', 'fixtures', 'wandb-traffic.json');

const server = await WandbServer.start();
const client = async (...resume: string[]) => {
  const args = [join(import.meta.dirname, 'wandb_client.py'), 'games', ENTITY, 'abcd1234', ...resume];
  const env = {
    ...process.env,
    WANDB_BASE_URL: server.baseUrl,
    WANDB_API_KEY: WANDB_KEY,
    WANDB_ERROR_REPORTING: 'false',
  };
  await promisify(execFile)(python, args, { env, timeout: 120_000 });
};
try {
  await client();
  await client('must');
  const requests = server.asked.filter(({ kind }) => kind !== 'other');
  const traffic = requests.map(({ kind, path, body }) => ({ kind, path, body: scrubbed(body) }));
  writeFileSync(PLACE, `${JSON.stringify(traffic, null, 2)}\n`);
  console.log(`${traffic.length} requests are in ${PLACE}. The server complained of ${server.complaints.length}:`);
  for (const complaint of server.complaints) console.log(`  ${complaint}`);
} finally {
  await server.goAway();
}
