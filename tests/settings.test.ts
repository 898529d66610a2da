// What is made from the settings, the tables of metrics and the recipes is made from these.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { metricsDocument } from '../docs/write-metrics.ts';
import { settingsDocument } from '../docs/write-settings.ts';
import { recipeModule } from '../recipes/write-list.ts';

const ROOT = join(import.meta.dirname, '..');
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe('what is generated', () => {
  it('is docs/settings.md: run npm run settings where this fails', () => {
    expect(text('docs/settings.md')).toBe(settingsDocument());
  });

  it('is docs/metrics.md: run npm run metrics where this fails', () => {
    expect(text('docs/metrics.md')).toBe(metricsDocument());
  });

  it('is the list of recipes: run npm run recipes where this fails', () => {
    expect(text('packages/grpo/src/settings/recipes.ts')).toBe(recipeModule());
  });
});
