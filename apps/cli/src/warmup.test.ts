// Teaching replies: nano from nothing, and a model in a game.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NANO_FOLDER } from '@ludic/nano';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic } from '../testing/run-ludic.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-warmup-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('ludic warmup', () => {
  it('makes nano from nothing, with the tokenizer and the shape that are shipped', async () => {
    const out = join(scratch, 'nano');
    expect((await runLudic('warmup', '--out', out, '--steps', '1')).code).toBe(0);
    for (const file of ['tokenizer.json', 'tokenizer_config.json', 'config.json', 'generation_config.json']) {
      const shipped = await readFile(join(fileURLToPath(NANO_FOLDER), file), 'utf8');
      expect(JSON.parse(await readFile(join(out, file), 'utf8')), file).toEqual(JSON.parse(shipped));
    }
  }, 120_000);

  it("teaches a game's perfect player, as far as a few steps go", async () => {
    const out = join(scratch, 'taught');
    const { code, stdout } = await runLudic(
      ...['warmup', '--env', 'tic_tac_toe', '--player', 'expert', '--steps', '60', '--episodes', '16', '--out', out],
    );
    expect(code).toBe(0);
    const losses = [...stdout.matchAll(/loss ([\d.]+)/g)].map(([, loss]) => Number(loss));
    expect(losses.at(-1)).toBeLessThan(0.9 * losses[0]!);
    const again = await runLudic('warmup', '--env', 'tic_tac_toe', '--out', out);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/exists already/);
  });
});
