// Models of the Hub on the command line, from there and to there, against a server on this machine.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NANO_FOLDER } from '@ludic/nano';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HubServer } from '../../../../packages/hub/testing/hub-server.ts';
import { startLudic } from '../../testing/run-ludic.ts';

const NANO = fileURLToPath(NANO_FOLDER);
let hub: HubServer;
let home = '';
beforeAll(async () => {
  hub = await HubServer.start();
  home = await mkdtemp(join(tmpdir(), 'ludic-hub-'));
  hub.publish('org/tiny', NANO);
});
afterAll(async () => {
  await hub.close();
  await rm(home, { recursive: true, force: true });
});

/** Whatever the machine itself has set is out of force. */
const UNSET = Object.fromEntries(
  ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE']
    .concat('HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE')
    .map((name) => [name, '']),
);

const ludic = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  startLudic(args, { ...UNSET, HF_HOME: home, HF_ENDPOINT: hub.endpoint, ...env }).finished;

describe('--model org/name', () => {
  const evaluate = ['evaluate', '--model', 'org/tiny', '--env', 'tic_tac_toe', '--episodes', '4', '--json'];

  it('plays with a model of the Hub as with the same model in a folder', async () => {
    const { code, stdout, stderr } = await ludic(evaluate);
    expect(stderr).toMatch(/^model\.safetensors {2}2\.9 MB$/m);
    expect(code).toBe(0);
    const { model, results } = JSON.parse(stdout);
    expect(model).toBe('org/tiny');
    const local = await ludic(evaluate.map((word) => (word === 'org/tiny' ? NANO : word)));
    expect(results).toEqual(JSON.parse(local.stdout).results);
  });

  it('needs no network a second time', async () => {
    const before = hub.asked.length;
    const { code, stderr } = await ludic(['score', '--model', 'org/tiny', '--ids', '1,2,3'], { HF_HUB_OFFLINE: '1' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(hub.asked).toHaveLength(before);
  });

  it('takes an old name of one word, which the Hub leads on', async () => {
    hub.renamed.set('tiny', 'org/tiny');
    const { code, stdout, stderr } = await ludic(['score', '--model', 'tiny', '--ids', '1,2,3', '--json']);
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/model\.safetensors/) });
    const full = await ludic(['score', '--model', 'org/tiny', '--ids', '1,2,3', '--json']);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(full.stdout.replaceAll('org/tiny', 'tiny')));
    const slip = await ludic(['rollout', '--env', 'key_door', '--model', 'exprt']);
    expect(slip.code).toBe(2);
    expect(slip.stderr).toMatch(
      /^ludic: There is no folder exprt here\. There is no model exprt at 127\..* Use nano, .* or a player of key_door: /,
    );
    // A Hub that is away is asked once.
    hub.fault = () => ({ kind: 'status', status: 503 });
    const before = hub.asked.length;
    const away = await ludic(['rollout', '--env', 'key_door', '--model', 'exprt']);
    hub.fault = () => undefined;
    expect(away.code).toBe(2);
    expect(away.stderr).toMatch(/^ludic: There is no folder exprt here\. .*status 503.* Use nano, .* of key_door: /);
    expect(hub.asked.length).toBe(before + 1);
  });

  it('says what is wrong with a name', async () => {
    const { code, stderr } = await ludic(['rollout', '--env', 'key_door', '--model', 'runs/first']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/There is no folder runs\/first here\. There is no model runs\/first at 127\.0\.0\.1/);
    const offline = await ludic(['score', '--model', 'org/none', '--ids', '1,2'], { HF_HUB_OFFLINE: '1' });
    expect(offline.code).toBe(1);
    expect(offline.stderr).toMatch(/^ludic: There is no folder org\/none here\. org\/none is not in the cache/);
  });
});

describe('ludic push', () => {
  it('uploads what a run has learned, with a card that tells of it', async () => {
    const run = join(home, 'run');
    const settings = [
      '--steps',
      '2',
      '--batch-size',
      '16',
      '--group-size',
      '8',
      '--eval-episodes',
      '20',
      '--lora-rank',
      '2',
    ];
    const train = await ludic([
      'train',
      '--env',
      'tic_tac_toe',
      '--model',
      'org/tiny',
      '--out',
      run,
      '--max-completion-length',
      '4',
      ...settings,
    ]);
    expect(train.code).toBe(0);
    const refused = await ludic(['push', run, 'me/player']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^ludic: Uploading needs a token\. .* set HF_TOKEN/m);

    const { code, stdout, stderr } = await ludic(['push', run, 'me/player', '--private'], { HF_TOKEN: 'hf_mine' });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${hub.endpoint}/me/player\n` });
    expect(stderr).toMatch(/^model\.safetensors {2}2\.9 MB$/m);
    expect(stderr).toMatch(/^The final model of the run is taken, of step 2\.$/m);
    expect(hub.created.at(-1)).toMatchObject({ organization: 'me', name: 'player', visibility: 'private' });
    const { files, summary } = hub.commits.at(-1)!;
    expect(summary).toBe('Model of tic_tac_toe, trained with Ludic');
    expect([...files.keys()].sort()).toEqual([
      'README.md',
      'adapter/adapter_config.json',
      'adapter/adapter_model.safetensors',
      'config.json',
      'generation_config.json',
      'ludic.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    for (const [name, data] of files)
      if (name !== 'README.md') expect(data.equals(await readFile(join(run, 'final', name))), name).toBe(true);
    const card = files.get('README.md')!.toString();
    expect(card).toMatch(
      /^---\nlibrary_name: transformers\npipeline_tag: text-generation\nbase_model: org\/tiny\ntags:\n- ludic\n- grpo\n- reinforcement-learning\n---\n\n# player\n/,
    );
    expect(card).toContain('It began as `org/tiny`.');
    expect(card).toMatch(/20 games at temperature 0, the weights of step 2/);
    expect(card).toMatch(/\| success \| [\d.]+ % \([\d.]+ % to [\d.]+ %\) \|/);
    expect(card).toMatch(
      /\| steps \| mean reward \| success \| won \| invalid replies \|\n\| --- \|.*\n\| 1 \| .*\n\| 2 \| .*\n/,
    );
    expect(card).toContain('"groupSize": 8');
    expect(card).toContain('LoRA of rank 2');
    expect(card).toMatch(/## Licence\n\nNot specified\.\n$/);

    const before = hub.asked.length;
    const dry = await ludic(['push', join(run, 'final'), 'me/player', '--dry-run']);
    expect(dry.stdout.startsWith(card)).toBe(true);
    expect(dry.stdout).toMatch(/2\.9 MB {2}model\.safetensors\n/);
    expect(hub.asked).toHaveLength(before);
  });

  it('refuses what is no model, and what is no name', async () => {
    const empty = join(home, 'empty');
    await mkdir(empty);
    const nothing = await ludic(['push', empty, 'me/x']);
    expect(nothing).toMatchObject({ code: 2, stderr: expect.stringMatching(/neither a run nor a model folder/) });
    await writeFile(join(empty, 'config.json'), '{"formatVersion":1,"settings":{}}');
    const unfinished = await ludic(['push', empty, 'me/x']);
    expect(unfinished).toMatchObject({ code: 2, stderr: expect.stringMatching(/a run without a final model/) });
    const name = await ludic(['push', NANO, 'x']);
    expect(name).toMatchObject({ code: 2, stderr: expect.stringMatching(/x is no name of a repository/) });
  });
});
