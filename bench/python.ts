// Peers in Python: skipped with the reason where they are absent. LUDIC_PYTHON names an interpreter that has them.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Measured {
  readonly seconds: number;
  readonly version: string;
}

export interface Skipped {
  readonly skipped: string;
}

/** The interpreter, if it has these packages (names with commas between). */
export function findPython(needs: string): { readonly python: string } | Skipped {
  const python = process.env.LUDIC_PYTHON ?? 'python3';
  const has = spawnSync(python, ['-c', `import ${needs}`], { stdio: 'ignore' });
  if (has.status !== 0) return { skipped: `${python} has no ${needs}; set LUDIC_PYTHON to one that has` };
  return { python };
}

export const pythonScript = (script: string): string => fileURLToPath(new URL(script, import.meta.url));

/** Nothing is looked up on the network. */
export const PYTHON_ENVIRONMENT = { ...process.env, HF_HUB_OFFLINE: '1' };

/** Runs a script of this folder that ends with one line of JSON. */
export function runPython(script: string, args: readonly string[], needs: string): Measured | Skipped {
  const found = findPython(needs);
  if ('skipped' in found) return found;
  const { status, stdout, stderr } = spawnSync(found.python, [pythonScript(script), ...args], {
    encoding: 'utf8',
    env: PYTHON_ENVIRONMENT,
  });
  if (status !== 0) throw new Error(`${script} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}
