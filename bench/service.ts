// A whole server in a process of its own, as `ludic serve` starts it, with a data folder beside a file that must stay unread
// business.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { hashPassword } from '../apps/server/src/auth/hash.ts';

const LUDIC = fileURLToPath(new URL('../apps/cli/src/main.ts', import.meta.url));

export async function startServer(flags: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'ludic-bench-'));
  const canary = `canary-${folder.slice(-6)}`;
  const password = 'correct horse battery';
  writeFileSync(join(folder, 'secret.txt'), canary);
  mkdirSync(join(folder, 'data'));
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      LUDIC,
      ...['serve', '--port', '0', '--data', join(folder, 'data'), '--device', 'cpu', ...flags],
    ],
    {
      env: { ...process.env, LUDIC_PASSWORD_HASH: await hashPassword(password), HF_HUB_OFFLINE: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let printed = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const match = /listens on (http:\S+);/.exec(printed);
      if (match) resolve(match[1]!);
    });
    child.once('exit', () => reject(new Error(printed)));
  });
  const ask = (path: string, body?: object) =>
    fetch(url + path, {
      headers: { authorization: `Bearer ${password}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
  return {
    url,
    password,
    canary,
    folder,
    ask,
    /** Bytes of memory of the server itself. */
    async memory(): Promise<number> {
      const text = await (await ask('/metrics')).text();
      return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)![1]);
    },
    /** Cancels what runs or waits. @returns whether all jobs have ended within two minutes */
    async calm(): Promise<boolean> {
      for (let i = 0; i < 120; i++) {
        const { jobs } = (await (await ask('/jobs?limit=1000')).json()) as {
          jobs: { job_id: string; status: string }[];
        };
        const going = jobs.filter(({ status }) => status === 'queued' || status === 'running');
        if (going.length === 0) return true;
        for (const { job_id } of going) await (await ask(`/jobs/${job_id}/cancel`, {})).text();
        await sleep(1000);
      }
      return false;
    },
    async stop(): Promise<void> {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
