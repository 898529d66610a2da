// The policy of a transformers.js model against our own on the same weights, and its failures.

import { mkdtempSync, rmSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import type { SamplingParams } from '@ludic/inference';
import { openLanguageModel } from '@ludic/inference';
import { completeTokenizerFiles, folderFiles, readCheckpoint, readTokenizer } from '@ludic/models';
import { openModelFolder, writeFilesAtomically } from '@ludic/models/node';
import { stream } from '@ludic/random';
import { createRuntime } from '@ludic/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answersOf } from '../../testing/answers.ts';
import type { GamePrompt } from '../contract.ts';
import { LanguageModelPolicy } from '../language-model-policy.ts';
import { loadTransformers, type TransformersSource, transformersPolicy } from './index.ts';
import { endTokens, replyTextOf } from './policy.ts';
import { encodePrompt } from './prompt.ts';

const scratch = mkdtempSync(join(tmpdir(), 'ludic-transformers-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const folder = join(scratch, 'nano');
const source: TransformersSource = { model: folder, local: true };
const files = await openModelFolder(fileURLToPath(new URL('../../../nano/model', import.meta.url)));

beforeAll(async () => {
  const { config, parameters } = await readCheckpoint(files);
  const exported = folderFiles(config, parameters, await completeTokenizerFiles(files), { onnx: ['fp32'] });
  await writeFilesAtomically(folder, exported);
});

const settings: SamplingParams = {
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
const prompts = (count: number): GamePrompt[] =>
  Array.from({ length: count }, (_, i) => {
    const past = Array.from({ length: i % 3 }, () => [
      { role: 'user' as const, content: environment.reset(i) as string },
      { role: 'assistant' as const, content: '<move>5</move>' },
    ]);
    return {
      messages: [
        { role: 'system', content: definition.systemPrompt(config) },
        ...past.flat(),
        { role: 'user', content: environment.reset(i) as string },
      ],
      episode: {},
      random: stream('transformers test', i),
      environment,
    };
  });

describe('the policy of a transformers.js model', () => {
  it.each<[string, Partial<SamplingParams>]>([
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

  it('stops, as our own does, at a stop text that is a special token', async () => {
    const greedy = { ...settings, temperature: 0, stop: [] as readonly string[] };
    const model = await openLanguageModel(files, await createRuntime({ threads: 1 }));
    const [plain] = await answersOf(new LanguageModelPolicy(model, greedy), prompts(1));
    const json = JSON.parse(new TextDecoder().decode(await files.read('tokenizer.json')));
    const drawn = [...plain!.tokens!.completion];
    const isAdded = (id: number) => json.added_tokens.some((token: { id: number }) => token.id === id);
    const at = drawn.findIndex(isAdded);
    expect(at).toBeGreaterThanOrEqual(0);
    const special = json.added_tokens.find(({ id }: { id: number }) => id === drawn[at]);
    special.special = true;
    const place = join(scratch, 'special');
    await cp(folder, place, { recursive: true });
    await writeFile(join(place, 'tokenizer.json'), JSON.stringify(json));
    const asked = { ...greedy, stop: [special.content] };
    const ours = await openLanguageModel(await openModelFolder(place), await createRuntime({ threads: 1 }));
    const theirs = await transformersPolicy({ model: place, local: true }, asked);
    for (const policy of [new LanguageModelPolicy(ours, asked), theirs]) {
      const [reply] = await answersOf(policy, prompts(1));
      expect([...reply!.tokens!.completion]).toEqual(drawn.slice(0, at + 1));
      expect(reply).toMatchObject({ finish: 'stop', text: model.tokenizer.decode(drawn.slice(0, at)) });
      policy.dispose();
    }
  });

  it('splits texts as our own does, and shows no row beyond the tokens', async () => {
    const json = JSON.parse(new TextDecoder().decode(await files.read('tokenizer.json')));
    const digits = { type: 'Digits', individual_digits: true };
    json.pre_tokenizer = { type: 'Sequence', pretokenizers: [digits, json.pre_tokenizer] };
    json.decoder = {
      type: 'Sequence',
      decoders: [{ type: 'Replace', pattern: { String: 'x' }, content: '' }, json.decoder],
    };
    const place = join(scratch, 'digits');
    await cp(folder, place, { recursive: true });
    await writeFile(join(place, 'tokenizer.json'), JSON.stringify(json));
    const ours = await readTokenizer(await openModelFolder(place));
    const loaded = await loadTransformers({ model: place, local: true });
    loaded.tokenizer.chat_template = '{{ messages[0].content }}';
    const text = 'x²³ ٣٤ 12';
    const ids = encodePrompt(loaded, 'digits', [{ role: 'user', content: text }]);
    expect(Int32Array.from(ids)).toEqual(ours.encode(text));
    expect(replyTextOf(loaded, [...ids, 100_000])).toBe(ours.decode(ids));
    await loaded.model.dispose();
  });

  it('writes prompts by the template as Python does, and ends turns at the tokens of both configs', async () => {
    const loaded = await loadTransformers(source);
    loaded.tokenizer.chat_template =
      "{{ eos_token }}{% for m in messages %}{{ m.content.strip('x') }}{% endfor %}{% if tools is none and '' != false %}!{% endif %}";
    const text = loaded.tokenizer.decode(encodePrompt(loaded, 'nano', [{ role: 'user', content: 'xmovexx' }]), {});
    expect(text).toBe('<|end|>move!');
    Object.assign(loaded.model.config, { eos_token_id: 1 });
    Object.assign(loaded.model.generation_config as object, { eos_token_id: [3, 4] });
    expect(endTokens(loaded)).toEqual(new Set([3, 4, 1]));
    await loaded.model.dispose();
  });

  it('gives an episode the same reply whatever its neighbours are', async () => {
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
      'a name that no model has',
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
