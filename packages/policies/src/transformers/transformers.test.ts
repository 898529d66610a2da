// The policy of a transformers.js model against our own on the same weights, and its failures.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import { completeCompanions, folderFiles, readCheckpoint } from '@ludic/models';
import { openModelFolder, writeFilesAtomically } from '@ludic/models/node';
import { stream } from '@ludic/random';
import { createRuntime } from '@ludic/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answersOf } from '../../testing/answers.ts';
import type { Prompt } from '../contract.ts';
import { LanguageModelPolicy } from '../language-model-policy.ts';
import { openLanguageModel } from '../open.ts';
import type { LanguageModelSettings } from '../running-reply.ts';
import { type TransformersSource, transformersPolicy } from './index.ts';

const scratch = mkdtempSync(join(tmpdir(), 'ludic-transformers-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const folder = join(scratch, 'nano');
const source: TransformersSource = { model: folder, local: true };
const files = await openModelFolder(fileURLToPath(new URL('../../../nano/model', import.meta.url)));

beforeAll(async () => {
  const { config, parameters } = await readCheckpoint(files);
  const exported = folderFiles(config, parameters, await completeCompanions(files), { onnx: ['fp32'] });
  await writeFilesAtomically(folder, exported);
});

const settings: LanguageModelSettings = {
  temperature: 1,
  topK: 0,
  topP: 1,
  maxCompletionLength: 16,
  stop: ['</move>'],
};
const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition, {});
const environment = definition.create(config);
/** Conversations of different lengths. */
const prompts = (count: number): Prompt[] =>
  Array.from({ length: count }, (_, i) => {
    const past = Array.from({ length: i % 3 }, () => [
      { role: 'user' as const, content: environment.reset(i) },
      { role: 'assistant' as const, content: '<move>5</move>' },
    ]);
    return {
      messages: [
        { role: 'system', content: definition.systemPrompt(config) },
        ...past.flat(),
        { role: 'user', content: environment.reset(i) },
      ],
      episode: {},
      random: stream('transformers test', i),
      environment,
    };
  });

describe('the policy of a transformers.js model', () => {
  it.each<[string, Partial<LanguageModelSettings>]>([
    ['everything', {}],
    ['the five most likely', { topK: 5, temperature: 1.3 }],
    ['half the probability', { topP: 0.5 }],
    ['the most likely', { temperature: 0 }],
    ['a few tokens', { maxCompletionLength: 2, stop: [] }],
  ])('draws the tokens that our own draws, with the same log-probabilities: %s', async (_, more) => {
    const ours = new LanguageModelPolicy(await openLanguageModel(files, await createRuntime({ threads: 1 })), {
      ...settings,
      ...more,
    });
    const theirs = await transformersPolicy(source, { ...settings, ...more });
    const expected = await answersOf(ours, prompts(12));
    const replies = await answersOf(theirs, prompts(12));
    for (const [i, { text, finish, tokens }] of replies.entries()) {
      expect({ text, finish }).toEqual({ text: expected[i]!.text, finish: expected[i]!.finish });
      expect(tokens!.prompt).toEqual(expected[i]!.tokens!.prompt);
      expect(tokens!.completion).toEqual(expected[i]!.tokens!.completion);
      for (const [t, logprob] of tokens!.logprobs.entries())
        expect(Math.abs(logprob - expected[i]!.tokens!.logprobs[t]!)).toBeLessThan(1e-3);
    }
    ours.dispose();
    theirs.dispose();
  });

  it('gives an episode the same reply whoever its neighbours are', async () => {
    const policy = await transformersPolicy(source, settings);
    const crowd = await answersOf(policy, prompts(9));
    for (const i of [0, 4, 8]) expect((await answersOf(policy, [prompts(9)[i]!]))[0]!.text).toBe(crowd[i]!.text);
    policy.dispose();
  });

  it('refuses a prompt that does not fit', async () => {
    const policy = await transformersPolicy(source, { ...settings, maxCompletionLength: 2040 });
    expect(await policy.act(prompts(1))).toMatchObject([
      { finish: 'context_full', error: expect.stringMatching(/do not fit/) },
    ]);
    policy.dispose();
  });

  it.each<[string, TransformersSource, RegExp]>([
    [
      'a folder that is not there',
      { model: join(scratch, 'none'), local: true },
      /^transformers.js cannot load .*none/,
    ],
    ['a dtype that the folder lacks', { ...source, dtype: 'q4' }, /ONNX file of dtype q4/],
    // Where the Hub can be reached, it does not know this name.
    [
      'a name that nobody has',
      { model: 'ludic/there-is-no-such-model' },
      /cannot (be loaded|load).*there-is|there-is.*cannot be/,
    ],
  ])('says in one sentence that it cannot load %s', async (_, wrong, message) => {
    const error = await transformersPolicy(wrong, settings).catch((error: Error) => error);
    expect(error).toMatchObject({ name: 'PolicyError', code: 'bad_model', message: expect.stringMatching(message) });
    expect((error as Error).message).not.toContain('\n');
  });

  it('refuses settings that make no sense before it loads anything', async () => {
    await expect(transformersPolicy(source, { ...settings, topP: 0 })).rejects.toMatchObject({ code: 'bad_setting' });
  });
});
