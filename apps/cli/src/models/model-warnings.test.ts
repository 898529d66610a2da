// Fields of a model's files that are not computed are reported by every command that opens it.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NANO_FOLDER } from '@ludic/nano';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLudic } from '../../testing/run-ludic.ts';

let place = '';
let model = '';
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'ludic-warnings-'));
  model = join(place, 'model');
  await cp(fileURLToPath(NANO_FOLDER), model, { recursive: true });
  const config = JSON.parse(await readFile(join(model, 'config.json'), 'utf8'));
  await writeFile(join(model, 'config.json'), JSON.stringify({ ...config, a_new_idea: 3 }));
});
afterAll(() => rm(place, { recursive: true }));

const GAME = ['--env', 'tic_tac_toe'];

describe('an unknown field of config.json', { timeout: 60_000 }, () => {
  it.each<[string, readonly string[]]>([
    ['score', ['--ids', '1,2,3']],
    ['export', ['--out', 'exported']],
    ['evaluate', [...GAME, '--episodes', '2']],
    ['train', [...GAME, '--steps', '1', '--batch-size', '8', '--eval-episodes', '4', '--out', 'run', '--threads', '1']],
  ])('is named once by %s', async (command, args) => {
    const given = args.map((arg, i) => (args[i - 1] === '--out' ? join(place, arg) : arg));
    const { code, stdout, stderr } = await runLudic(command, '--model', model, ...given);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const told = `${stdout}${stderr}`.match(/config\.json of .* says a_new_idea, which is not heeded here\./g);
    expect(told).toHaveLength(1);
    if (command !== 'train') expect(stderr).toContain(`ludic: ${told![0]}\n`);
  });
});
