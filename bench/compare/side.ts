// One of the two trees that are compared, as its users see it: a folder with a package.json whose scripts install it and
// start the command line. Nothing of the tree is imported, so that any commit can be a side.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

// However this program ends, no server stays.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill();
});

export class Side {
  readonly name: string;
  /** Where its commands run and write. */
  readonly work: string;
  readonly #command: readonly string[];

  /** @param root of the tree, where everything is installed */
  constructor(name: string, root: string, work: string) {
    this.name = name;
    this.work = work;
    mkdirSync(work, { recursive: true });
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: { ludic: string };
    };
    this.#command = scripts.ludic
      .split(' ')
      .slice(1)
      .map((word) => (word.startsWith('-') ? word : join(root, word)));
  }

  /** A command of `ludic`, in the folder of this side and without the settings of the user who starts the comparison. */
  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const inherited = Object.entries(process.env).filter(([key]) => !/^(LUDIC|HF|WANDB|OPENAI|npm)_/.test(key));
    const child = spawn(process.execPath, [...this.#command, ...args], {
      cwd: this.work,
      env: {
        ...Object.fromEntries(inherited),
        ...{ HF_HUB_OFFLINE: '1', HF_HOME: join(this.work, 'hub'), NO_COLOR: '1', TZ: 'UTC' },
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }

  /** @param onPrinted is told all that was printed so far */
  async run(
    args: readonly string[],
    { input = '', onPrinted }: { input?: string; onPrinted?: (text: string, child: ChildProcess) => void } = {},
  ): Promise<Finished> {
    const child = this.start(args);
    let [stdout, stderr] = ['', ''];
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      onPrinted?.(stdout + stderr, child);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      onPrinted?.(stdout + stderr, child);
    });
    child.stdin!.end(input);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, stdout, stderr };
  }

  /** As {@link run}. @throws where the command fails */
  async succeed(args: readonly string[], options: Parameters<Side['run']>[1] = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0) throw new Error(`${this.name}: ludic ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }
}

/** Checks a commit out into a new folder and installs it there with its own command of the README. */
export function checkOut(commit: string, folder: string): void {
  execFileSync('git', ['worktree', 'add', '--detach', folder, commit], { stdio: 'pipe' });
  const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    scripts: { prestart: string };
  };
  execFileSync('sh', ['-c', scripts.prestart], { cwd: folder, stdio: 'pipe' });
}
