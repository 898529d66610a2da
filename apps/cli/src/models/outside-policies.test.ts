// Models of other software on the command line: an endpoint on this machine, and an exported nano in transformers.js.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Endpoint, say, sendJson, startEndpoint } from '../../../../packages/policies/testing/endpoint.ts';
import { runLudic } from '../../testing/run-ludic.ts';

const KEY = 'sk-do-not-tell-anyone';
const game = ['--env', 'tic_tac_toe'];
let scratch = '';
let endpoint: Endpoint;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-outside-'));
  process.env.OPENAI_API_KEY = KEY;
  // Plays the free cell with the least number, and keeps the closing tag to itself.
  endpoint = await startEndpoint(({ body, authorization }, response) => {
    if (authorization !== `Bearer ${KEY}`) return sendJson(response, 401, { error: { message: 'no key' } });
    if (body.model !== 'first-free')
      return sendJson(response, 404, { error: { message: `no ${KEY} for ${body.model}` } });
    const cells = body.messages
      .at(-1)!
      .content.match(/^[XO.]{3}$/gm)!
      .join('');
    return say(response, `I take <move>${cells.indexOf('.') + 1}`);
  });
});
afterAll(async () => {
  delete process.env.OPENAI_API_KEY;
  await endpoint.close();
  await rm(scratch, { recursive: true, force: true });
});

describe('ludic with an openai: endpoint', () => {
  it('evaluates, shows a game, and lets watch', async () => {
    const model = `openai:${endpoint.baseUrl}#first-free`;
    const evaluated = await runLudic('evaluate', ...game, '--model', model, '--episodes', '40', '--json');
    expect(evaluated).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ model, results: { total_episodes: 40, invalid_rate: 0 } });
    expect(endpoint.mostAtOnce()).toBeLessThanOrEqual(8);
    const shown = await runLudic('rollout', ...game, '--model', model, '--concurrency', '1', '--timeout', '9.5');
    expect(shown.stdout).toMatch(/→ I take <move>\d<\/move>/);
    const watched = await runLudic('play', ...game, '--watch', model, '--delay', '0', '--retries', '0');
    expect(watched).toMatchObject({ code: 0, stdout: expect.stringMatching(/→ I take <move>\d<\/move>/) });
  });

  it('says in one sentence what is wrong, and never the key', async () => {
    const unknown = await runLudic('rollout', ...game, '--model', `openai:${endpoint.baseUrl}#other`);
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/^ludic: .* has no model other.*no \*\*\* for other.*\n$/);
    const closed = await startEndpoint(() => {});
    await closed.close();
    const unreachable = await runLudic('evaluate', ...game, '--model', `openai:${closed.baseUrl}#m`);
    expect(unreachable).toMatchObject({ code: 1, stderr: expect.stringMatching(/^ludic: .*cannot be reached.*\n$/) });
    process.env.OPENAI_API_KEY = '';
    const keyless = await runLudic('rollout', ...game, '--model', `openai:${endpoint.baseUrl}#first-free`);
    process.env.OPENAI_API_KEY = KEY;
    expect(keyless).toMatchObject({ code: 2, stderr: expect.stringMatching(/asks for an API key.*OPENAI_API_KEY/) });
  });
});

describe('ludic with a transformers: model', () => {
  it('plays the games of the model that it exported', async () => {
    const folder = join(scratch, 'nano');
    expect((await runLudic('export', '--out', folder)).code).toBe(0);
    const results = async (...model: string[]) => {
      const finished = await runLudic(
        'evaluate',
        ...game,
        ...model,
        '--episodes',
        '30',
        '--temperature',
        '0',
        '--json',
      );
      expect(finished).toMatchObject({ code: 0, stderr: '' });
      return JSON.parse(finished.stdout).results;
    };
    expect(await results('--model', `transformers:${folder}`, '--dtype', 'fp32')).toEqual(await results());
    const missing = await runLudic('rollout', ...game, '--model', `transformers:${folder}`, '--dtype', 'q4');
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringMatching(/^ludic: .*dtype q4.*\n$/) });
  });
});

describe('what cannot be meant', () => {
  it.each([
    [['--model', 'openai:http://localhost/v1'], /openai:http:\/\/localhost:8000\/v1#MODEL/],
    [['--model', 'openai:localhost#m'], /openai:http:\/\/localhost:8000\/v1#MODEL/],
    [['--model', 'openai:http://localhost/v1#m', '--top-k', '5'], /--top-p/],
    [['--model', 'openai:http://localhost/v1#m', '--adapter', 'x'], /--adapter needs a model of our own/],
    [['--model', 'openai:http://localhost/v1#m', '--dtype', 'q4'], /--dtype is for transformers:FOLDER/],
    [['--model', 'transformers:./nowhere'], /transformers:FOLDER or transformers:OWNER\/NAME/],
    [['--model', 'transformers:nano', '--adapter', 'x'], /--adapter needs a model of our own/],
    [['--model', 'nano', '--timeout', '5'], /--timeout is for endpoints/],
  ])('is a usage error: %j', async (args, message) => {
    const { code, stdout, stderr } = await runLudic('rollout', ...game, ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});
