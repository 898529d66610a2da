// Trainings by recipe: what is taken from it, what is not, and what is said of a recipe that cannot be used.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainCommand } from './command.ts';
import { followRecipe } from './recipe.ts';

const RECIPES = join(import.meta.dirname, '../../../../recipes');
let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-recipe-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** The options of `ludic train` after these words, without training. */
async function train(...words: readonly string[]): Promise<Command> {
  const command = trainCommand().exitOverride();
  command.action(() => {});
  await command.parseAsync(['--out', scratch, ...words], { from: 'user' });
  return command;
}

const written = async (name: string, text: string) => {
  await writeFile(join(scratch, name), text);
  return join(scratch, name);
};

describe('a recipe', () => {
  it('sets what the command line leaves open', async () => {
    const command = await train('--beta', '0.5');
    await followRecipe(command, 'tic-tac-toe-random');
    const { train: recipe } = JSON.parse(await readFile(join(RECIPES, 'tic-tac-toe-random.json'), 'utf8'));
    const { env, envConfig, beta, batchSize, learningRate } = command.opts();
    expect({ env, envConfig, batchSize, learningRate }).toEqual({
      env: recipe.env,
      envConfig: JSON.stringify(recipe['env-config']),
      batchSize: Number(recipe['batch-size']),
      learningRate: Number(recipe['learning-rate']),
    });
    expect(recipe.beta).not.toBe(0.5);
    expect(beta).toBe(0.5);
  });

  it('of this repository can be followed, whichever it is', async () => {
    const files = (await readdir(RECIPES)).filter((name) => name.endsWith('.json'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const command = await train();
      await followRecipe(command, file.slice(0, -'.json'.length));
      expect(command.opts().env).toMatch(/^(tic_tac_toe|key_door)$/);
    }
  });

  it.each([
    ['{', /is no JSON/],
    ['{}', /is no recipe/],
    ['{"train": null}', /is no recipe/],
    ['{"train": {"steps": 5.5}}', /sets steps to 5\.5\. /],
    ['{"train": {"shared-dynamics": "yes"}}', /sets shared-dynamics to yes\. true or false/],
    ['{"train": {"steps": null}}', /sets steps to null\. /],
    ['{"train": {"dance": "5"}}', /sets dance, which is no setting/],
    ['{"train": {"out": "elsewhere"}}', /sets out, which is no setting/],
    ['{"train": {"steps": "five"}}', /sets steps to five\. /],
    ['{"train": {"credit": "none"}}', /sets credit to none\. /],
  ])('that reads %s is refused with the reason', async (text, reason) => {
    await expect(followRecipe(await train(), await written('bad.json', text))).rejects.toThrow(reason);
  });

  it('may have its values as texts or as what they are', async () => {
    const both = async (text: string) => {
      const command = await train();
      await followRecipe(command, await written('kinds.json', text));
      const { steps, learningRate, envConfig, loraTargets, maskTruncatedCompletions } = command.opts();
      return { steps, learningRate, envConfig, loraTargets, maskTruncatedCompletions };
    };
    const texts = `{"train": {"steps": "7", "learning-rate": "2e-3", "env-config": "{\\"size\\":3}", "lora-targets": "q_proj,k_proj"}}`;
    const kinds = `{"train": {"steps": 7, "learning-rate": 2e-3, "env-config": {"size": 3}, "lora-targets": ["q_proj", "k_proj"]}}`;
    expect(await both(kinds)).toEqual(await both(texts));
    expect(await both(kinds)).toMatchObject({ steps: 7, learningRate: 0.002, envConfig: '{"size":3}' });
  });

  it('turns switches on and off', async () => {
    const command = await train();
    const switches = '{"train": {"shared-dynamics": true, "mask-truncated-completions": false}}';
    await followRecipe(command, await written('switches.json', switches));
    expect(command.opts()).toMatchObject({ sharedDynamics: true, maskTruncatedCompletions: false });
  });

  it('that is not there is answered with those that are', async () => {
    await expect(followRecipe(await train(), 'chess')).rejects.toThrow(/no recipe chess.*tic-tac-toe-random/);
  });
});
