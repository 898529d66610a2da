// The commands, and for each the options that its --help lists: flags, what they take, choices and default. Descriptions are
// wording.

import { addFact, type Facts } from './facts.ts';
import type { Side } from './side.ts';

interface Help {
  readonly commands: readonly string[];
  /** Flags with what they take, and the text beside them. */
  readonly options: readonly (readonly [string, string])[];
  readonly usage: string;
}

export async function helpFacts(side: Side): Promise<Facts> {
  const facts: Facts = new Map();
  const visit = async (path: readonly string[]): Promise<void> => {
    const help = readHelp(await side.succeed([...path, '--help']));
    const name = ['ludic', ...path].join(' ');
    addFact(facts, name, help.usage);
    for (const [flags, text] of help.options) {
      addFact(facts, `${name} ${flags}`, stated(text));
      addFact(facts, `${name} ${flags}: description`, text, true);
    }
    await Promise.all(
      help.commands.filter((command) => command !== 'help').map((command) => visit([...path, command])),
    );
  };
  await visit([]);
  return facts;
}

/** Choices and default: what programs depend on, wherever they stand in the text. */
function stated(text: string): string {
  const choices = /choices: ([^;)]*?)(?=, default:|[;)])/.exec(text)?.[1]?.replaceAll('"', '');
  const fallback = /default: (.*?)\)/.exec(text)?.[1];
  return [choices && `one of ${choices}`, fallback && `default ${fallback}`].filter(Boolean).join('; ');
}

/** Reads what commander writes: entries at two spaces, their texts continued further in. */
export function readHelp(text: string): Help {
  const [usage = ''] = /Usage: (.*)/.exec(text)?.slice(1) ?? [];
  const commands: string[] = [];
  const options: [string, string][] = [];
  let isCommands = false;
  let last: [string, string] | undefined;
  for (const line of text.split('\n')) {
    if (/^\S/.test(line)) {
      isCommands = line === 'Commands:';
      last = undefined;
      continue;
    }
    const option = /^ {2}(-\S.*?)(?: {2,}(.*))?$/.exec(line);
    const command = isCommands ? /^ {2}(\w[\w-]*)/.exec(line) : undefined;
    if (command) commands.push(command[1]!);
    else if (option) options.push((last = [option[1]!, option[2] ?? '']));
    else if (last && /^ {4,}\S/.test(line)) last[1] = `${last[1]} ${line.trim()}`.trim();
    else last = undefined;
  }
  return { usage, commands, options };
}
