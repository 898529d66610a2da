// npm run recipes: writes the recipes of this folder as a module, for the service and the page, which read no files.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '../packages/grpo/src/settings/recipes.ts');

/** The module's text, as the formatter would have it. */
export function recipeModule(): string {
  const names = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
  const entries = names.map((name) => {
    const { title, train } = JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), 'utf8'));
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
