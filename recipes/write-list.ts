// npm run recipes: writes the recipes of this folder that begin with any model as a module, for the service and the page,
// which read no files.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '../packages/grpo/src/settings/recipes.ts');

/** The module's text, as the formatter would have it. */
export function recipeModule(): string {
  const recipes = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => [name.slice(0, -'.json'.length), JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8'))])
    // One that goes on from another's model is of no use without that, and one with a warm start takes more than fields.
    .filter(([, { from, train }]) => from === undefined && train['warm-start'] === undefined);
  const entries = recipes.map(([name, { title, train }]) => {
    const { env, 'env-config': config = {}, model: _, ...rest } = train;
    const fields = Object.fromEntries(
      Object.entries(rest).map(([option, value]) => [option.replaceAll('-', '_'), value]),
    );
    const lines = [
      `title: ${literal(title)}`,
      `environment: ${literal(env)}`,
      `environmentConfig: ${object(config)}`,
      `fields: ${object(fields, '    ')}`,
    ];
    return `  '${name}': {\n${lines.map((line) => `    ${line},\n`).join('')}  },\n`;
  });
  return `// Made from recipes/*.json by \`npm run recipes\`: settings that are known to train well, by name.

import type { TrainingFields } from './fields.ts';

export interface Recipe {
  readonly title: string;
  readonly environment: string;
  readonly environmentConfig: Readonly<Record<string, unknown>>;
  readonly fields: TrainingFields;
}

export const RECIPES = {
${entries.join('')}} as const satisfies Readonly<Record<string, Recipe>>;
`;
}

const literal = (value: unknown) => (typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : String(value));

function object(values: object, indent?: string): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name}: ${literal(value)}`);
  if (pairs.length === 0) return '{}';
  if (indent === undefined) return `{ ${pairs.join(', ')} }`;
  return `{\n${pairs.map((pair) => `${indent}  ${pair},\n`).join('')}${indent}}`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(FILE, recipeModule());
