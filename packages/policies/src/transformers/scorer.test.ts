// What a transformers.js model thinks of tokens is what our own scorer says on the same weights.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvironment, resolveConfig } from '@ludic/environments';
import { openLanguageModel, Scorer } from '@ludic/inference';
import { completeTokenizerFiles, folderFiles, readCheckpoint } from '@ludic/models';
import { openModelFolder, writeFilesAtomically } from '@ludic/models/node';
import { createRuntime } from '@ludic/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answersOf } from '../../testing/answers.ts';
import { keepingLogits } from '../../testing/kept-logits.ts';
import { loadTransformers, TransformersPolicy, TransformersScorer } from './index.ts';

const scratch = mkdtempSync(join(tmpdir(), 'ludic-transformers-scorer-'));
const files = await openModelFolder(fileURLToPath(new URL('../../../nano/model', import.meta.url)));
const ours = new Scorer(await openLanguageModel(files, await createRuntime({ threads: 1 })));
afterAll(async () => {
  await ours.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

const definition = findEnvironment('tic_tac_toe');
const config = resolveConfig(definition, {});
const environment = definition.create(config);
const messages = [
  { role: 'system', content: definition.systemPrompt(config) },
  { role: 'user', content: environment.reset(3) as string },
] as const;
/** Of different lengths, some the beginning of others, one twice, one empty. */
const REPLIES = [
  ...Array.from({ length: 9 }, (_, cell) => `<move>${cell + 1}</move>`),
  '<move>5',
  '<move>5</move>',
  '',
  'I take the middle: <move>5</move>',
];

beforeAll(async () => {
  const { config, parameters } = await readCheckpoint(files);
  const exported = folderFiles(config, parameters, await completeTokenizerFiles(files), { onnx: ['fp32'] });
  await writeFilesAtomically(join(scratch, 'each'), exported);
  const graph = readFileSync(join(scratch, 'each', 'onnx', 'model.onnx'));
  for (const habit of ['last', 'input'] as const) {
    mkdirSync(join(scratch, habit, 'onnx'), { recursive: true });
    for (const file of ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'])
      cpSync(join(scratch, 'each', file), join(scratch, habit, file));
    writeFileSync(join(scratch, habit, 'onnx', 'model.onnx'), keepingLogits(graph, habit));
  }
});

describe.each(['each', 'last', 'input'] as const)('a graph whose logits are for tokens by the habit "%s"', (habit) => {
  const load = async () => loadTransformers({ model: join(scratch, habit), local: true });

  it('has the habit that is tested', async () => {
    const { model, Tensor } = await load();
    const ids = {
      input_ids: new Tensor('int64', [1n, 2n, 3n], [1, 3]),
      attention_mask: new Tensor('int64', [1n, 1n, 1n], [1, 3]),
    };
    const keep = habit === 'input' ? { num_logits_to_keep: new Tensor('int64', [2n], []) } : {};
    const { logits } = await model({ ...ids, ...keep });
    expect(logits.dims[1]).toBe({ each: 3, last: 1, input: 2 }[habit]);
    await model.dispose();
  });

  it('gives replies the probabilities that ours gives', async () => {
    const loaded = await load();
    const theirs = new TransformersScorer('theirs', loaded);
    const expected = await ours.replies(messages, REPLIES);
    const found = await theirs.replies(messages, REPLIES);
    expect(found).toHaveLength(REPLIES.length);
    for (const [i, logprob] of found.entries()) expect(Math.abs(logprob - expected[i]!), REPLIES[i]).toBeLessThan(1e-3);
    expect(found[REPLIES.indexOf('')]).toBe(0);
    expect(await theirs.replies(messages, [])).toEqual([]);
    await loaded.model.dispose();
  });

  it('rates tokens as ours does, with the same rivals', async () => {
    const loaded = await load();
    const policy = new TransformersPolicy('theirs', loaded, {
      temperature: 0,
      topK: 0,
      topP: 1,
      maxCompletionLength: 8,
      stop: [],
    });
    const [reply] = await answersOf(policy, [
      { messages, episode: {}, random: { nextFloat: () => 0.5 } as never, environment },
    ]);
    const { prompt, completion } = reply!.tokens!;
    const theirs = new TransformersScorer('theirs', loaded);
    const rated = await theirs.rate(prompt, completion, 4);
    const expected = await ours.rate(prompt, completion, 4);
    expect(rated.map(({ text }) => text)).toEqual(expected.map(({ text }) => text));
    for (const [i, token] of rated.entries()) {
      expect(Math.abs(token.logprob - expected[i]!.logprob)).toBeLessThan(1e-3);
      for (const [k, { logprob, text }] of token.alternatives.entries()) {
        expect(text).toBe(expected[i]!.alternatives[k]!.text);
        expect(Math.abs(logprob - expected[i]!.alternatives[k]!.logprob)).toBeLessThan(1e-3);
      }
      // The policy took the likeliest.
      expect(token.alternatives[0]!.text).toBe(token.text);
    }
    await loaded.model.dispose();
  });
});

it("says what cannot be rated: another model's tokens, and what does not fit", async () => {
  const loaded = await loadTransformers({ model: join(scratch, 'each'), local: true });
  const scorer = new TransformersScorer('theirs', loaded);
  const one = Int32Array.of(1);
  await expect(scorer.rate(one, Int32Array.of(1e6), 1)).rejects.toMatchObject({ code: 'bad_token' });
  await expect(scorer.rate(Int32Array.of(-1), one, 1)).rejects.toMatchObject({ code: 'bad_token' });
  await expect(scorer.rate(new Int32Array(), one, 1)).rejects.toMatchObject({ code: 'bad_token' });
  const long = new Int32Array(100_000).fill(1);
  await expect(scorer.rate(long, one, 1)).rejects.toMatchObject({ code: 'prompt_too_long' });
  await expect(scorer.rate(one, long, 1)).rejects.toMatchObject({ code: 'prompt_too_long' });
  await expect(
    scorer.replies([...messages, { role: 'user', content: 'x '.repeat(9000) }], ['a']),
  ).rejects.toMatchObject({ code: 'prompt_too_long' });
  expect(await scorer.rate(one, new Int32Array(), 1)).toEqual([]);
  expect(await scorer.rate(one, one, 1)).toHaveLength(1);
  await loaded.model.dispose();
});

it('refuses a graph that keeps nothing of a prompt', async () => {
  const folder = join(scratch, 'forgetful');
  cpSync(join(scratch, 'each'), folder, { recursive: true });
  const graph = readFileSync(join(folder, 'onnx', 'model.onnx')).toString('latin1');
  writeFileSync(join(folder, 'onnx', 'model.onnx'), Buffer.from(graph.replaceAll('past_key', 'else_key'), 'latin1'));
  await expect(loadTransformers({ model: folder, local: true })).rejects.toMatchObject({
    code: 'bad_model',
    message: expect.stringContaining('takes no past_key_values'),
  });
});
