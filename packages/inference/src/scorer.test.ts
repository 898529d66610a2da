// What the scorer says of tokens is what the sampler drew them by.

import { stream } from '@ludic/random';
import { createRuntime } from '@ludic/runtime/node';
import { expect, it } from 'vitest';
import { openGpu } from '../../runtime/testing/gpu.ts';
import { openNumberModel } from '../testing/number-model.ts';
import { Sampler } from './sampler.ts';
import { Scorer } from './scorer.ts';

const cpu = await createRuntime({ device: 'cpu', threads: 1 });
const gpu = await openGpu();
const model = await openNumberModel(cpu);
const messages = [{ role: 'user', content: '5 6 7 8 9 10' }] as const;

it('rates the tokens of a reply as they were drawn, each among its alternatives', async () => {
  const sampler = new Sampler(model);
  const settings = { temperature: 1, topK: 0, topP: 1, maxCompletionLength: 6, stop: [] };
  const [reply] = await sampler.sample([{ messages, random: stream('scorer') }], settings);
  sampler.dispose();
  const { prompt, completion, logprobs } = reply!.tokens!;
  const scorer = new Scorer(model);
  const rated = await scorer.rate(prompt, completion, 3);
  expect(rated.length).toBe(completion.length);
  for (const [i, { text, logprob, alternatives }] of rated.entries()) {
    expect(text).toBe(`${completion[i]} `);
    expect(logprob).toBeCloseTo(logprobs[i]!, 4);
    expect(alternatives.length).toBe(3);
    const best = alternatives.map((one) => one.logprob);
    expect(best).toEqual(best.toSorted((a, b) => b - a));
    expect(best[0]).toBeGreaterThanOrEqual(logprob);
  }
  await scorer.dispose();
});

it('gives the log-probability of whole replies: a token and all that may follow it share its chance', async () => {
  const scorer = new Scorer(model);
  const { vocabSize } = model.config;
  const every = Array.from({ length: vocabSize }, (_, id) => `11 ${id}`);
  // Asked at the same time: one after the other, each gets its own.
  const [[first], both] = await Promise.all([scorer.replies(messages, ['11']), scorer.replies(messages, every)]);
  const sum = both.reduce((total, logprob) => total + Math.exp(logprob), 0);
  expect(sum).toBeCloseTo(Math.exp(first!), 6);
  const rated = await scorer.rate(model.tokenizer.encode(messages[0].content), Int32Array.of(11, 20), 0);
  expect(both[20]).toBeCloseTo(rated[0]!.logprob + rated[1]!.logprob, 5);
  await scorer.dispose();
});

it("says what cannot be rated: another model's tokens, and what does not fit", async () => {
  const scorer = new Scorer(model);
  const one = Int32Array.of(1);
  await expect(scorer.rate(one, Int32Array.of(1e6), 1)).rejects.toMatchObject({ code: 'bad_token' });
  await expect(scorer.rate(Int32Array.of(-1), one, 1)).rejects.toMatchObject({ code: 'bad_token' });
  await expect(scorer.rate(new Int32Array(), one, 1)).rejects.toMatchObject({ code: 'bad_token' });
  const long = new Int32Array(model.config.maxPositions).fill(1);
  await expect(scorer.rate(long, one, 1)).rejects.toMatchObject({ code: 'prompt_too_long' });
  // It goes on with the next prompt.
  expect((await scorer.rate(one, one, 1)).length).toBe(1);
  expect(await scorer.rate(one, new Int32Array(), 1)).toEqual([]);
  await scorer.dispose();
});

it.skipIf(!gpu)('says the same on a GPU', async () => {
  const scorers = [new Scorer(model), new Scorer(await openNumberModel(gpu!))];
  const [prompt, completion] = [Int32Array.of(5, 6, 7, 8, 9), Int32Array.of(12, 13, 14)];
  const [here, there] = await Promise.all(scorers.map((scorer) => scorer.rate(prompt, completion, 2)));
  for (const [i, token] of here!.entries()) {
    expect(there![i]!.logprob).toBeCloseTo(token.logprob, 3);
    expect(there![i]!.alternatives[0]!.text).toBe(token.alternatives[0]!.text);
  }
  const asked = ['11 12', '11 13', '14'];
  const [cpuReplies, gpuReplies] = await Promise.all(scorers.map((scorer) => scorer.replies(messages, asked)));
  for (const [i, logprob] of cpuReplies!.entries()) expect(gpuReplies![i]).toBeCloseTo(logprob, 3);
  for (const scorer of scorers) await scorer.dispose();
});
