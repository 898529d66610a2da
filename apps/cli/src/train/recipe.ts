// Recipes: settings that are known to train well, from recipes/ or from a file of the same form.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { UsageError } from '../failure.ts';
import { checkName } from '../options/plugins.ts';

const FOLDER = join(import.meta.dirname, '../../../../recipes');
/** Stands for settings that the library chooses. */
export const AUTO = 'auto';

/** Options that a recipe may not set. */
const OWN = new Set(['out', 'recipe', 'resume', 'plugin']);

/**
 * Gives the options of a command the values of a recipe, but for those that were given on the command line.
 * @param recipe name of one in recipes/, or a path that ends in .json
 * @throws UsageError
 */
export async function followRecipe(command: Command, recipe: string): Promise<void> {
  const path = recipe.endsWith('.json') ? recipe : join(FOLDER, `${recipe}.json`);
  for (const [flag, value] of Object.entries(await readRecipe(recipe, path))) {
    const option = command.options.find(({ long }) => long === `--${flag}`);
    const name = option?.attributeName();
    if (!option || name === undefined || OWN.has(name))
      throw new UsageError(`${path} sets ${flag}, which is no setting of a training.`);
    if (command.getOptionValueSource(name) === 'cli') continue;
    try {
      const read = readValue(option, value);
      checkName(option, read);
      command.setOptionValueWithSource(name, read, 'config');
    } catch (error) {
      throw new UsageError(`${path} sets ${flag} to ${value}. ${(error as Error).message}`);
    }
  }
}

/** Parses a text as the option would; a switch takes true and false. */
function readValue(option: Option, text: string): unknown {
  if (option.isBoolean()) {
    if (text !== 'true' && text !== 'false') throw new UsageError('true or false is needed.');
    return text === 'true';
  }
  return option.parseArg ? option.parseArg(text, undefined) : text;
}

async function readRecipe(recipe: string, path: string): Promise<Readonly<Record<string, string>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    const names = (await readdir(FOLDER).catch(() => []))
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length));
    throw new UsageError(
      `There is no recipe ${recipe}. There are ${[AUTO, ...names].join(', ')}, and files that end in .json.`,
    );
  }
  let train: unknown;
  try {
    ({ train } = JSON.parse(text));
  } catch (error) {
    throw new UsageError(`${path} is no JSON: ${(error as Error).message}`);
  }
  if (typeof train !== 'object' || train === null)
    throw new UsageError(`${path} is no recipe: it needs an object "train" of options and their values.`);
  // As they would be typed on the command line.
  return Object.fromEntries(
    Object.entries(train as Readonly<Record<string, unknown>>).map(([flag, value]) => [flag, typed(value)]),
  );
}

const typed = (value: unknown) =>
  typeof value === 'string' ? value : Array.isArray(value) ? value.join(',') : JSON.stringify(value);
