// The processes that a server has begun, found in /proc by a mark in their environment: they keep it when their parent
// has died, and no other process has it.

import { readdirSync, readFileSync } from 'node:fs';

export const MARK = 'CHAOS_MARK';

/** By the script that a process runs. A probe of devices lives for moments, and is no victim. */
const SCRIPTS = {
  server: /\/apps\/cli\/src\/main\.ts$/,
  job: /\/jobs\/process\/main\.ts$/,
  worker: /\/grpo\/src\/workers\/node\/worker\.ts$/,
  inference: /\/inference\/worker\.ts$/,
} as const;

export type Role = keyof typeof SCRIPTS;
export const ROLES = Object.keys(SCRIPTS) as Role[];

export interface Found {
  readonly pid: number;
  readonly role: Role | 'other';
}

/** @param mark value of {@link MARK} */
export function processesOf(mark: string): Found[] {
  const wanted = `${MARK}=${mark}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const read = (file: string) => {
        try {
          return readFileSync(`/proc/${name}/${file}`, 'utf8');
        } catch {
          // It has ended, or is another user's.
          return '';
        }
      };
      if (!read('environ').split('\0').includes(wanted) || /^State:\s+[ZX]/m.test(read('status'))) return [];
      const words = read('cmdline').split('\0');
      const role = ROLES.find((each) => words.some((word) => SCRIPTS[each].test(word))) ?? 'other';
      return [{ pid: Number(name), role }];
    });
}
