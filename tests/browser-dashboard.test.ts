// The jobs of a live server in the page, from signing in to playing what was trained, also while the server dies.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtPage } from '../apps/cli/src/evaluator/built-page.ts';
import type { Job, PolicyEvaluation } from '../packages/service/src/index.ts';
import { hasChromium, launch, type ServedPage, servePage, watchedPage } from './browser/page.ts';
import { ServerProcess } from './browser/server.ts';

const PASSWORD = 'correct horse';
/** Of trainings here: small, and soon over. */
const SMALL = {
  model_name: 'nano',
  env_type: 'tic_tac_toe',
  batch_size: 16,
  group_size: 8,
  max_completion_length: 4,
  tensor_parallel_size: 1,
  learning_rate: 1e-3,
  save_every: 5,
  eval_every: 0,
};
/** The browser itself writes one for each request that is refused or finds no server. */
const ITS_OWN =
  /^console error: Failed to load resource: (the server responded with a status of (400|401|429) |net::ERR_(CONNECTION_|INCOMPLETE_CHUNKED|EMPTY_RESPONSE))/;

let scratch = '';
let server: ServerProcess;
/** The same page without a server behind it. */
let elsewhere: ServedPage;
let browser: Browser;
let page: Page;
let blemishes: string[];
let view: Locator;

const ask = <T>(path: string, body?: object) => server.ask<T>(path, body);
const stateOf = async (name: string) =>
  (await ask<{ jobs: Job[] }>('/jobs')).jobs.find(({ output_dir }) => output_dir === name);
const heading = (name: string) => view.getByRole('heading', { name, exact: true });
const inList = (name: string) => view.getByRole('navigation', { name: 'Jobs' }).getByRole('button', { name });
const button = (name: string) => view.getByRole('button', { name });

async function signIn(password: string): Promise<void> {
  await view.getByLabel('Password').fill(password);
  await view.getByRole('button', { name: 'Sign in' }).click();
}

describe.skipIf(!hasChromium)('the jobs of a server (needs Chromium at /usr/bin/chromium)', () => {
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'ludic-dashboard-'));
    elsewhere = await servePage();
    server = await ServerProcess.start(scratch, await builtPage(), PASSWORD, [elsewhere.origin]);
    browser = await launch();
    ({ page, blemishes } = await watchedPage(await browser.newContext(), server.url));
    page.setDefaultTimeout(20_000);
    await page.goto(server.url);
    await page.getByRole('tab', { name: 'Jobs' }).click();
    view = page.getByRole('tabpanel', { name: 'Jobs' });
    await view.getByLabel('Password').waitFor();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.end();
    elsewhere?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('comes whole from the server', async () => {
    const files = readdirSync(join(await builtPage(), 'assets'));
    expect(files.some((file) => file.endsWith('.safetensors'))).toBe(true);
    for (const file of files) {
      const { status } = await fetch(`${server.url}/assets/${file}`, { method: 'HEAD' });
      expect(status, file).toBe(200);
    }
    expect((await fetch(`${server.url}/_headers`)).status).toBe(404);
  });

  it('opens for the right password alone, and says how long to wait after many wrong ones', async () => {
    await signIn('a guess');
    await view.getByRole('alert').getByText('The password is wrong').waitFor();
    for (let i = 0; i < 6 && !(await view.getByText('Too many wrong passwords').isVisible()); i++) {
      await signIn(`guess ${i}`);
      await view.getByRole('alert').waitFor();
    }
    await view.getByText(/Too many wrong passwords came from this address\. Try again in \d+ s/).waitFor();
    expect(await button('Sign in').isDisabled()).toBe(true);
    // Enabled again when the time is over.
    await signIn(PASSWORD);
    await view.getByText('Nothing has been trained on this server yet').waitFor();
    expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).not.toContain(PASSWORD);
  });

  it('says beside the fields what the server has against a training', async () => {
    await button('New training').click();
    await view.getByLabel('Name of the new model').fill('nano');
    await view.getByLabel('Games per update').fill('many');
    await button('Start').click();
    await view.getByRole('alert').getByText('The request cannot be used: see output_dir, batch_size').waitFor();
    const name = view.getByLabel('Name of the new model');
    expect(await name.getAttribute('aria-invalid')).toBe('true');
    expect(await describedBy(name)).toContain('other than nano');
    expect(await describedBy(view.getByLabel('Games per update'))).toContain('expected number');
    // In a part that is folded away until then.
    await name.fill('first');
    await view.getByLabel('Games per update').fill('16');
    await view.getByText('Game settings').click();
    await view.getByLabel('Invalid penalty').fill('much');
    await view.getByText('Game settings').click();
    await button('Start').click();
    await view.getByLabel('Invalid penalty').waitFor();
    expect(await view.locator('[data-wrong="true"]').textContent()).toMatch(/invalid.penalty/i);
    await view.getByLabel('Invalid penalty').fill('0.25');
  });

  it('starts a training and shows it until its end', async () => {
    await view.getByLabel('Updates').fill('3');
    await view.getByLabel('Group size').fill('8');
    await view.getByLabel('Longest reply').fill('4');
    await view.getByLabel('Learning rate').fill('1e-3');
    await view.getByText('More settings').click();
    await view.getByLabel('Eval episodes').fill('16');
    await view.getByLabel('Tensor parallel size').fill('1');
    await button('Start').click();
    await heading('first').waitFor();
    await view.getByRole('img', { name: 'Reward after 3 steps' }).locator('canvas').waitFor();
    await view.getByRole('article').getByText('completed').waitFor();
    const job = await stateOf('first');
    expect(job?.request).toMatchObject({ max_steps: 3, learning_rate: 1e-3, env_config: { invalid_penalty: 0.25 } });
    const last = view.getByRole('article').locator('.numbers');
    expect(await last.textContent()).toContain(`Reward${job!.latest!.mean_reward!.toFixed(3)}`);
    const row = view.getByRole('table', { name: 'Evaluations' }).getByRole('row').nth(1);
    expect(await row.textContent()).toMatch(/^3the best[\d.]+ %.* to .*16at temperature [\d.]+$/);
  });

  it('shows what it printed, the games that it sampled, and its settings', async () => {
    await view.getByText('Log', { exact: true }).click();
    await view.getByRole('log').getByText('step 3: mean reward').waitFor();
    await view.getByText('Games that the trainer sampled').click();
    const games = view.getByRole('list', { name: 'Games' }).getByRole('button');
    expect(await games.nth(1).textContent()).toContain('Update 1');
    await games.nth(1).click();
    const kept = (
      await (
        await fetch(`${server.url}/jobs/${(await stateOf('first'))!.job_id}/episodes`, {
          headers: { authorization: `Bearer ${PASSWORD}` },
        })
      ).text()
    )
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const transcript = view.getByRole('region', { name: 'Update 1, turn by turn' });
    for (const { reply } of kept[1].turns) expect(await transcript.textContent()).toContain(reply.text);
    expect(await transcript.textContent()).toContain(kept[1].finalObservation);
    await button('Watch on the board').click();
    const watch = page.getByRole('tabpanel', { name: 'Watch' });
    await watch.getByRole('heading', { name: 'Games that first was trained with' }).waitFor();
    await watch.getByRole('slider').waitFor();
    await page.getByRole('tab', { name: 'Jobs' }).click();
    await view.getByText('Settings', { exact: true }).click();
    await view.getByText('invalid penalty 0.25').waitFor();
  });

  it('opens the trained model in Evaluate, which finds what the server finds', async () => {
    await button('Open in Evaluate').click();
    const evaluate = page.getByRole('tabpanel', { name: 'Evaluate' });
    await evaluate.getByLabel('Policy', { exact: true }).waitFor();
    expect(await evaluate.getByLabel('Policy', { exact: true }).inputValue()).toBe(`model:first on ${server.url}`);
    await evaluate.getByLabel('Temperature').fill('0');
    await evaluate.getByLabel('Games').fill('5');
    await evaluate.getByRole('button', { name: 'Evaluate' }).click();
    const row = evaluate.getByRole('row').nth(1);
    await row.waitFor();
    const { results } = await ask<PolicyEvaluation>('/evaluate-policy', {
      model_path: 'first',
      env_type: 'tic_tac_toe',
      env_config: { invalid_penalty: 0.25 },
      eval_episodes: 5,
      sampling_params: { temperature: 0, max_tokens: 64 },
      seed: 0,
    });
    const text = (await row.textContent())!;
    expect(results.mean_steps).toBeGreaterThan(1);
    for (const number of [
      `${(100 * results.success_rate).toFixed(1)} %`,
      results.mean_reward.toFixed(3),
      results.mean_steps.toFixed(2),
      `${(100 * results.invalid_rate).toFixed(1)} %`,
    ])
      expect(text).toContain(number);
    await page.getByRole('tab', { name: 'Jobs' }).click();
  });

  it('cancels after a question, and resumes', async () => {
    await ask('/start-training', { ...SMALL, output_dir: 'second', max_steps: 5000 });
    await inList('second').click();
    await view.getByRole('img', { name: /Reward after \d+ steps/ }).waitFor();
    await button('Cancel…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'No, leave it' }).click();
    expect((await stateOf('second'))?.status).toBe('running');
    await button('Cancel…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
    await view.getByRole('article').getByText('cancelled', { exact: true }).waitFor();
    await button('Resume').click();
    await view.getByRole('article').getByText('running', { exact: true }).waitFor();
    const { step } = (await stateOf('second'))!;
    await expect.poll(() => drawnSteps(), { timeout: 60_000 }).toBeGreaterThan(step + 2);
  }, 120_000);

  it('says that the server is gone, keeps what it showed, and goes on when it is back', async () => {
    const before = await drawnSteps();
    await server.kill();
    await view.getByRole('alert').getByText('The server does not answer').waitFor();
    expect(await drawnSteps()).toBeGreaterThanOrEqual(before);
    await button('Cancel…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
    await view.getByRole('article').getByRole('alert').getByText('The server does not answer').waitFor();
    await server.startAgain();
    await view.getByText('the page goes on by itself').waitFor({ state: 'detached' });
    const { step } = (await stateOf('second'))!;
    await expect.poll(() => drawnSteps(), { timeout: 60_000 }).toBeGreaterThan(Math.max(before, step) + 2);
    await button('Cancel…').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
    await view.getByRole('article').getByText('cancelled', { exact: true }).waitFor();
  }, 120_000);

  it('deletes a model after a question, and says where it went', async () => {
    await inList('first').click();
    await button('Delete model…').click();
    await page.getByRole('dialog').getByText('This cannot be undone').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the model' }).click();
    await view.getByText('Its model is no longer on the server').waitFor();
    const { models } = await ask<{ models: { name: string }[] }>('/models');
    expect(models.map(({ name }) => name)).toEqual(['nano', 'second']);
  });

  it('stays signed in over a reload where that was wanted, and not after signing out', async () => {
    await page.reload();
    await view.getByLabel('Stay signed in until this tab closes').check();
    await signIn(PASSWORD);
    await inList('second').waitFor();
    await page.reload();
    await inList('second').waitFor();
    await button('Sign out').click();
    await view.getByLabel('Password').waitFor();
    await page.reload();
    await view.getByLabel('Password').waitFor();
  });

  it('says what is wrong with the address of another server', async () => {
    const gone = await servePage();
    gone.close();
    for (const [address, sentence] of [
      [gone.origin, `does the server there allow this page (--allow-origin ${server.url})`],
      ['http://ludic.example', 'is not encrypted'],
      ['ludic', 'is no address of a server'],
    ] as const) {
      await view.getByLabel('Server', { exact: true }).fill(address);
      await signIn(PASSWORD);
      await view.getByRole('alert').getByText(sentence).waitFor();
    }
    // The visitor has named it.
    const asked = blemishes.findIndex((blemish) => blemish.startsWith('asks elsewhere'));
    expect(blemishes.splice(asked, 1)).toEqual([`asks elsewhere: ${gone.origin}/jobs?limit=1`]);
  });

  it('works from a page that came from elsewhere, where the server allows it', async () => {
    const { page: other, blemishes: faults } = await watchedPage(await browser.newContext(), elsewhere.origin);
    other.setDefaultTimeout(20_000);
    await other.goto(`${elsewhere.origin}/#jobs`);
    const jobs = other.getByRole('tabpanel', { name: 'Jobs' });
    await jobs.getByLabel('Password').fill(PASSWORD);
    await jobs.getByRole('button', { name: 'Sign in' }).click();
    await jobs.getByText('There is no server of Ludic behind this page').waitFor();
    await jobs.getByLabel('Server', { exact: true }).fill(server.url);
    await jobs.getByRole('button', { name: 'Sign in' }).click();
    await other.getByRole('navigation', { name: 'Jobs' }).getByRole('button', { name: 'second' }).click();
    await other.getByRole('img', { name: /^Reward after/ }).waitFor();
    await other.getByRole('button', { name: 'Open in Evaluate' }).click();
    const policy = other.getByRole('tabpanel', { name: 'Evaluate' }).getByLabel('Policy', { exact: true });
    await expect.poll(() => policy.inputValue()).toBe(`model:second on ${server.url}`);
    expect(faults.filter((fault) => !/^asks elsewhere|status of 404/.test(fault))).toEqual([]);
    for (const fault of faults.filter((one) => one.startsWith('asks')))
      expect(fault.startsWith(`asks elsewhere: ${server.url}/`), fault).toBe(true);
    await other.context().close();
  });

  it('has nothing on its console but what the browser writes, and asks no other server', () => {
    expect(blemishes.filter((blemish) => !ITS_OWN.test(blemish))).toEqual([]);
  });
});

/** Points of the first curve that is drawn. */
async function drawnSteps(): Promise<number> {
  const label = await view.getByRole('img', { name: /^Reward after/ }).getAttribute('aria-label');
  return Number(/after (\d+) steps/.exec(label ?? '')?.[1]);
}

async function describedBy(field: Locator): Promise<string> {
  const ids = (await field.getAttribute('aria-describedby'))!.split(' ');
  return (await Promise.all(ids.map((id) => page.locator(`[id="${id}"]`).textContent()))).join(' ');
}
