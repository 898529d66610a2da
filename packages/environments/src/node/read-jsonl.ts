// Items of a task from a file.

import { readFile } from 'node:fs/promises';
import { EnvironmentError } from '../errors.ts';

/**
 * The values of a JSON Lines file, one in each line; empty lines are passed over. What a value holds is not checked.
 * @param path from the working directory, or a URL: `new URL('./items.jsonl', import.meta.url)` lies beside the file that says it
 * @throws EnvironmentError `bad_definition`, which names the file and the line
 */
export async function readJsonl<Item = Readonly<Record<string, unknown>>>(path: string | URL): Promise<Item[]> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new EnvironmentError('bad_definition', `The items cannot be read: ${error.message}.`, { cause: error });
  });
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line) as Item];
    } catch (cause) {
      throw new EnvironmentError('bad_definition', `Line ${i + 1} of ${path} is no JSON value: mend it.`, { cause });
    }
  });
}
