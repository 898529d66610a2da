// How the jobs of a server look after signing in: while a training runs, when it is over, an evaluation being
// asked for, its result and its comparison. By the rules of `browser/look.ts`.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { builtPage } from '../apps/cli/src/evaluator/built-page.ts';
import type { Job } from '../packages/service/src/index.ts';
import { expectGoodLook, LOOKS, openLook } from './browser/look.ts';
import { CHROMIUM, hasChromium, launch } from './browser/page.ts';
import { ServerProcess } from './browser/server.ts';

const PASSWORD = 'correct horse';
const TRAINING = {
  model_name: 'nano',
  env_type: 'tic_tac_toe',
  batch_size: 16,
  group_size: 8,
  max_completion_length: 4,
  tensor_parallel_size: 1,
  learning_rate: 1e-3,
};

let scratch = '';
let server: ServerProcess;
let browser: Browser;

async function begin(path: string, body: object): Promise<string> {
  const { job_id: id } = await server.ask<{ job_id: string }>(path, body);
  return id;
}
const done = (id: string) =>
  vi.waitFor(async () => expect((await server.ask<Job>(`/jobs/${id}`)).status).toBe('completed'), {
    timeout: 60_000,
    interval: 200,
  });

describe.skipIf(!hasChromium)(`the look of the jobs (needs Chromium at ${CHROMIUM})`, () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-look-jobs-'));
    server = await ServerProcess.start(scratch, await builtPage(), PASSWORD);
    browser = await launch();
    const small = { ...TRAINING, output_dir: 'noughts', max_steps: 6, eval_every: 3, eval_episodes: 30 };
    await done(await begin('/start-training', small));
    // The cut-off of the training, which its model carries and nano does not.
    const evaluation = { env_type: 'tic_tac_toe', eval_episodes: 40, max_steps: 10, async: true };
    const greedy = await begin('/evaluate-policy', { ...evaluation, model_path: 'nano' });
    await done(await begin('/evaluate-policy', { ...evaluation, model_path: 'noughts' }));
    await done(greedy);
    const notes = { env_type: 'key_door', env_config: { max_steps: 3 }, history_strategy: 'SCRATCHPAD' };
    const noted = { ...TRAINING, ...notes, output_dir: 'noted', max_steps: 2, eval_every: 1, eval_episodes: 4 };
    await done(await begin('/start-training', noted));
    const long = { ...TRAINING, output_dir: 'crosses', max_steps: 5000, eval_every: 0, save_every: 100 };
    await begin('/start-training', long);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.end();
    rmSync(scratch, { recursive: true, force: true });
  });

  for (const look of LOOKS) {
    it(`${look.colorScheme}, ${look.size}: fits, and axe finds nothing serious`, async () => {
      const page = await openLook(browser, server.url, look);
      page.setDefaultTimeout(20_000);
      await page.goto(`${server.url}/#jobs`);
      const view = page.getByRole('tabpanel', { name: 'Jobs' });
      await view.getByLabel('Password').fill(PASSWORD);
      await view.getByRole('button', { name: 'Sign in' }).click();
      const inList = (name: string) =>
        view.getByRole('navigation', { name: 'Jobs' }).getByRole('button', { name: new RegExp(`^${name}`) });
      const shows = (name: string) => view.getByRole('article').getByRole('heading', { name, exact: true }).waitFor();

      await inList('crosses').click();
      await view.getByRole('img', { name: /^Reward after \d+ steps/ }).waitFor();
      await expectGoodLook(page, 'jobs-training', look, true);

      await inList('noted').click();
      // An evaluation of each step measures the notes of key and door.
      for (const title of [
        'Turns with a note',
        'Notes that are true',
        'Turns that a true note stays',
        'Bits that a note tells',
      ])
        await view.getByRole('img', { name: new RegExp(`^${title} after 2 steps: key .*, door `) }).waitFor();
      await expectGoodLook(page, 'jobs-notes', look, true);

      await inList('noughts [^,]').click();
      await shows('noughts');
      await view.getByRole('table', { name: 'Evaluations' }).waitFor();
      const { width } = (await view.getByRole('article').boundingBox())!;
      expect(width, 'width of a job').toBeGreaterThan(300);
      await expectGoodLook(page, 'jobs-trained', look, true);

      await view.getByRole('button', { name: 'Evaluate on the server' }).click();
      await view.getByLabel('Top k').waitFor({ state: 'attached' });
      await view.getByLabel('Temperature').fill('hot');
      await view.getByRole('button', { name: 'Start' }).click();
      await view.locator('[aria-invalid="true"]').waitFor();
      await expectGoodLook(page, 'jobs-new-evaluation', look, true);

      await inList('noughts, evaluated').click();
      await shows('noughts, evaluated');
      await view.getByText(/^Compare with/).click();
      await view.getByRole('region', { name: 'Differences on the same games' }).waitFor();
      await view.locator('summary', { hasText: /^Games$/ }).click();
      await view.getByRole('region', { name: 'Game 1, turn by turn' }).waitFor();
      await expectGoodLook(page, 'jobs-evaluation', look, true);
      await page.context().close();
    }, 120_000);
  }
});
