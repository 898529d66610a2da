// For tests: reads Dockerfiles, and says what is wrong with one: a part of what hadolint says, and what it cannot know.

import { existsSync, globSync } from 'node:fs';
import { join, posix } from 'node:path';

export interface Instruction {
  readonly keyword: string;
  /** Flags such as `--from=build`, by their names. */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows the flags, as it is written. */
  readonly text: string;
  /** The same as words: of a JSON array its elements, otherwise split at spaces. */
  readonly words: readonly string[];
  readonly isJson: boolean;
}

export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

const KEYWORDS =
  'FROM RUN CMD LABEL EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER WORKDIR ARG ONBUILD STOPSIGNAL HEALTHCHECK SHELL'.split(
    ' ',
  );

/** @throws Error for a line that is no instruction, or one before the first FROM */
export function parseDockerfile(text: string): Stage[] {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\[ \t]*\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, keyword = '', rest = ''] = /^(\w+)\s*(.*)$/.exec(line) ?? [];
    if (!KEYWORDS.includes(keyword)) throw new Error(`no instruction: ${line}`);
    const instruction = parseInstruction(keyword, rest);
    if (keyword === 'FROM') {
      const [base = '', as, name] = instruction.words;
      if (as !== undefined && as.toUpperCase() !== 'AS') throw new Error(`no instruction: ${line}`);
      stages.push({ base, name, instructions: [] });
    } else {
      const stage = stages.at(-1);
      if (stage) stage.instructions.push(instruction);
      else if (keyword !== 'ARG') throw new Error(`before the first FROM: ${line}`);
    }
  }
  return stages;
}

function parseInstruction(keyword: string, rest: string): Instruction {
  const flags: Record<string, string> = {};
  let text = rest;
  for (let flag: RegExpExecArray | null; (flag = /^--([\w-]+)=(\S+)\s*/.exec(text)); text = text.slice(flag[0].length))
    flags[flag[1]!] = flag[2]!;
  // A health check's command is an instruction of its own.
  const inner = keyword === 'HEALTHCHECK' ? text.replace(/^CMD\s*/, '') : text;
  const isJson = inner.startsWith('[');
  const words = isJson ? (JSON.parse(inner) as string[]) : inner.split(/\s+/);
  return { keyword, flags, text, words, isJson };
}

function patternOf(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/|\*)/)
    .map((part) => (part === '**/' ? '(?:.*/)?' : part === '*' ? '[^/]*' : RegExp.escape(part)));
  // What holds for a folder holds for what is in it.
  return new RegExp(`^${source.join('')}(?:/|$)`);
}

/** Whether a path of the context, written with `/`, stays out of the build. */
export function isIgnored(path: string, ignoreFile: string): boolean {
  let ignored = false;
  for (const line of ignoreFile.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const isException = line.startsWith('!');
    if (patternOf(isException ? line.slice(1) : line).test(path)) ignored = !isException;
  }
  return ignored;
}

const last = (stage: Stage, keyword: string) => stage.instructions.findLast((each) => each.keyword === keyword);

/** Sentences, none where all is well. `context` is the folder that would be built from. */
export function problemsOf(text: string, ignoreFile: string, context: string): string[] {
  const problems: string[] = [];
  const stages = parseDockerfile(text);
  stages.forEach((stage, index) => {
    const earlier = stages.slice(0, index).map(({ name }) => name);
    const tag = stage.base.split(':')[1];
    if (!earlier.includes(stage.base) && (tag === undefined || tag === 'latest'))
      problems.push(`${stage.base} names no version`);
    for (const { keyword, flags, words, text: written } of stage.instructions) {
      if (keyword === 'ADD') problems.push('COPY does what ADD would do here');
      if (keyword === 'RUN' && written.includes('apt-get install')) {
        if (!written.includes('--no-install-recommends')) problems.push('apt-get installs what is only recommended');
        if (!/install\s(.*\s)?-y\s/.test(written)) problems.push('apt-get would ask');
        if (!written.includes('rm -rf /var/lib/apt/lists')) problems.push("apt's lists stay in the image");
      }
      if (keyword === 'WORKDIR' && !posix.isAbsolute(words[0]!)) problems.push(`WORKDIR ${words[0]} is relative`);
      if (keyword !== 'COPY') continue;
      const sources = words.slice(0, -1);
      if (sources.length === 0) problems.push('COPY without a target');
      if (sources.length > 1 && !words.at(-1)!.endsWith('/')) problems.push('COPY of several needs a folder');
      if (flags.from !== undefined) {
        if (!earlier.includes(flags.from)) problems.push(`there is no stage ${flags.from}`);
        continue;
      }
      for (const source of sources) {
        if (source.startsWith('/') || source.split('/').includes('..')) problems.push(`${source} is outside`);
        else if (!existsSync(join(context, source)) && globSync(source, { cwd: context }).length === 0)
          problems.push(`${source} does not exist`);
        else if (isIgnored(source, ignoreFile)) problems.push(`${source} is ignored`);
      }
    }
  });
  const final = stages.at(-1);
  if (!final) return ['there is no stage'];
  const user = last(final, 'USER');
  if (!user || /^(root|0)(:|$)/.test(user.words[0]!)) problems.push('it runs as root');
  else {
    const after = final.instructions.slice(final.instructions.indexOf(user) + 1);
    if (after.some(({ keyword }) => keyword === 'RUN' || keyword === 'COPY'))
      problems.push('something is made after the user was changed');
  }
  for (const keyword of ['HEALTHCHECK', 'ENTRYPOINT', 'CMD']) {
    const found = last(final, keyword);
    if (!found) problems.push(`there is no ${keyword}`);
    // A shell in between would keep signals to itself.
    else if (!found.isJson) problems.push(`${keyword} is no JSON array`);
  }
  return problems;
}

/** The variables that a stage sets. */
export function environmentOf(stage: Stage): Record<string, string> {
  const pairs = stage.instructions.filter(({ keyword }) => keyword === 'ENV').flatMap(({ words }) => words);
  return Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string]));
}
