// The policy against the network itself: what it reports must be what a plain pass over the whole sequence says.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import type { Message } from '@ludic/history';
import type { LanguageModel, SampledTokens, SamplingParams } from '@ludic/inference';
import { distributionOf, logprobAt } from '@ludic/inference/internal';
import { buildDecoder, prefillInputs } from '@ludic/models/internal';
import { stream } from '@ludic/random';
import { floats, type HostTensor, int32, type Runtime } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { openNumberModel } from '../../inference/testing/number-model.ts';
import { openGpu } from '../../runtime/testing/gpu.ts';
import { answersOf } from '../testing/answers.ts';
import type { GamePrompt } from './contract.ts';
import { LanguageModelPolicy } from './language-model-policy.ts';

const runtime = await createRuntime({ device: 'cpu', threads: 1 });
const gpu = await openGpu();
const model = await openNumberModel(runtime);
const { config } = model;

const definition = findEnvironment('tic_tac_toe');
const environment = definition.create(resolveConfig(definition, {}));
const prompt = (name: string, ...contents: string[]): GamePrompt => ({
  messages: contents.map(
    (content, i): Message => ({ role: i === 0 ? 'system' : i % 2 ? 'user' : 'assistant', content }),
  ),
  episode: {},
  random: stream('policy test', name),
  environment,
});
const settings: SamplingParams = { temperature: 0.7, topK: 0, topP: 1, maxCompletionLength: 6, stop: [] };
const SYSTEM = '10 11 12 13 14 15';

/** log π of each completion token by one pass over prompt and completion. */
async function plainLogprobs(
  { config, parameters }: LanguageModel,
  { prompt: ids, completion }: SampledTokens,
  temperature: number,
): Promise<number[]> {
  const program = await runtime.load(buildDecoder(config, { prefix: false, past: false }));
  const whole = Int32Array.of(...ids, ...completion);
  const at = Array.from(completion, (_, t) => ids.length - 1 + t);
  const { inputs } = prefillInputs(config, [whole]);
  const { logits } = await program.run({ ...parameters.inputs(), ...inputs, logit_positions: int32(at, [at.length]) });
  await program.dispose();
  return Array.from(completion, (token, t) => {
    const row = floats(logits as HostTensor).subarray(t * config.vocabSize, (t + 1) * config.vocabSize);
    return logprobAt(distributionOf(row, { temperature, topK: 0, topP: 1 }), token);
  });
}

// Gemma looks through a sliding window of 4 tokens; GPT-2 knows positions by heart.
describe.each(['smollm-tiny', 'gemma3-tiny', 'gpt2-tiny'])('the language-model policy with %s', async (name) => {
  const model = await openNumberModel(runtime, name);

  it('reports the log-probabilities of a plain pass, for rows of different lengths with a shared beginning', async () => {
    const policy = new LanguageModelPolicy(model, settings);
    const prompts = ['20 21', '22', '20 21 23 24 25', '26 27 28'].map((user, i) => prompt(`row ${i}`, SYSTEM, user));
    for (const { tokens } of await answersOf(policy, prompts)) {
      const plain = await plainLogprobs(model, tokens!, 0.7);
      for (const [t, value] of plain.entries()) expect(Math.abs(tokens!.logprobs[t]! - value)).toBeLessThan(1e-5);
    }
    policy.dispose();
  });

  it('goes on from kept keys and values in a conversation', async () => {
    const policy = new LanguageModelPolicy(model, settings);
    const rows = ['20', '30 31', '40'].map((user, i) => ({ ...prompt(`talk ${i}`, SYSTEM, user) }));
    let messages = rows.map((row) => [...row.messages]);
    // GPT-2's fixture has 32 positions.
    for (let turn = 0; turn < (name === 'gpt2-tiny' ? 3 : 4); turn++) {
      const replies = await answersOf(
        policy,
        rows.map((row, i) => ({ ...row, messages: messages[i]! })),
      );
      for (const { tokens } of replies) {
        const plain = await plainLogprobs(model, tokens!, 0.7);
        for (const [t, value] of plain.entries()) expect(Math.abs(tokens!.logprobs[t]! - value)).toBeLessThan(1e-5);
      }
      messages = messages.map((past, i) => [
        ...past,
        { role: 'assistant', content: replies[i]!.text },
        { role: 'user', content: `${50 + turn} ${60 + i}` },
      ]);
    }
    policy.dispose();
  });
});

describe.skipIf(!gpu).each(['smollm-tiny', 'gemma3-tiny', 'gpt2-tiny'])('on WebGPU, with %s', async (name) => {
  it.each([
    ['drawing in the graph', { temperature: 0.7 }],
    ['the most likely token', { temperature: 0 }],
    ['top-k on the host', { temperature: 0.7, topK: 5 }],
  ])('holds the same conversations as on the CPU: %s', async (_, sampling) => {
    const conversations = [];
    for (const on of [runtime, gpu!]) {
      const policy = new LanguageModelPolicy(await openNumberModel(on, name), {
        ...settings,
        ...sampling,
        maxCompletionLength: 4,
      });
      // The first two begin alike and part ways; the last comes in late.
      let rows = ['20', '20', '30 31', '40'].map((user, i) => prompt(`gpu ${i}`, SYSTEM, user));
      const turns = [];
      for (let turn = 0; turn < 3; turn++) {
        const replies = await answersOf(policy, turn === 0 ? rows.slice(0, 3) : rows);
        turns.push(replies.map(({ tokens }) => tokens!));
        rows = rows.map((row, i) => ({
          ...row,
          messages: replies[i]
            ? [
                ...row.messages,
                { role: 'assistant', content: replies[i].text },
                { role: 'user', content: `${50 + turn} ${60 + i}` },
              ]
            : row.messages,
        }));
      }
      policy.dispose();
      conversations.push(turns.flat());
    }
    const [onCpu, onGpu] = conversations as [SampledTokens[], SampledTokens[]];
    expect(onGpu.map(({ completion }) => [...completion])).toEqual(onCpu.map(({ completion }) => [...completion]));
    for (const [i, { logprobs, entropies }] of onGpu.entries()) {
      for (const [t, value] of logprobs.entries()) {
        expect(Math.abs(value - onCpu[i]!.logprobs[t]!)).toBeLessThan(1e-5);
        expect(Math.abs(entropies[t]! - onCpu[i]!.entropies[t]!)).toBeLessThan(1e-5);
      }
    }
  });
});

describe.skipIf(!gpu)('a device that draws', () => {
  it.each([0, 0.7])('sends no logits back, at temperature %d', async (temperature) => {
    const outputs = new Set<string>();
    const watched: Runtime = {
      ...gpu!,
      async load(bytes, options) {
        const program = await gpu!.load(bytes, options);
        for (const name of program.outputs) if (!options?.keepOnDevice?.includes(name)) outputs.add(name);
        return program;
      },
    };
    const policy = new LanguageModelPolicy(await openNumberModel(watched), { ...settings, temperature });
    await answersOf(
      policy,
      ['20', '30'].map((user) => prompt(user, SYSTEM, user)),
    );
    policy.dispose();
    expect([...outputs].sort()).toEqual(temperature === 0 ? ['tokens'] : ['entropies', 'logprobs', 'tokens']);
  });
});

describe('the language-model policy', () => {
  it('gives an episode the same reply whatever its neighbours are', async () => {
    const alone = new LanguageModelPolicy(model, settings);
    const [single] = await answersOf(alone, [prompt('same', SYSTEM, '20 21')]);
    const crowd = new LanguageModelPolicy(model, settings);
    const replies = await answersOf(crowd, [
      prompt('other', SYSTEM, '22'),
      prompt('same', SYSTEM, '20 21'),
      prompt('third', SYSTEM, '23 24 25 26'),
    ]);
    expect(replies[1]!.tokens!.completion).toEqual(single!.tokens!.completion);
  });

  it('draws tokens as often as their probabilities say', async () => {
    const policy = new LanguageModelPolicy(model, { ...settings, maxCompletionLength: 1, temperature: 1, topK: 4 });
    const draws = 20_000;
    const prompts = Array.from({ length: draws }, (_, i) => prompt(`draw ${i}`, SYSTEM, '20'));
    const counts = new Map<number, { count: number; probability: number }>();
    for (const { tokens } of await answersOf(policy, prompts)) {
      const token = tokens!.completion[0]!;
      const known = counts.get(token);
      if (known) known.count++;
      else counts.set(token, { count: 1, probability: Math.exp(tokens!.logprobs[0]!) });
    }
    expect(counts.size).toBe(4);
    for (const { count, probability } of counts.values()) {
      expect(Math.abs(count / draws - probability)).toBeLessThan(
        4 * Math.sqrt((probability * (1 - probability)) / draws),
      );
    }
  });

  it('stops at a stop text, at the end-of-turn token, or at the limit', async () => {
    const greedy = new LanguageModelPolicy(model, { ...settings, temperature: 0 });
    const [reply] = await answersOf(greedy, [prompt('x', SYSTEM, '20')]);
    const tokens = Array.from(reply!.tokens!.completion);
    expect(reply!.finish).toBe('length');
    expect(tokens).toHaveLength(6);
    const second = tokens[1]!;
    const stopped = new LanguageModelPolicy(model, { ...settings, temperature: 0, stop: [`${second} `] });
    expect((await answersOf(stopped, [prompt('x', SYSTEM, '20')]))[0]).toMatchObject({ finish: 'stop' });
    const ended = new LanguageModelPolicy(
      { ...model, config: { ...config, eosTokenIds: [tokens[0]!] } },
      { ...settings, temperature: 0 },
    );
    const [end] = await answersOf(ended, [prompt('x', SYSTEM, '20')]);
    expect(end).toMatchObject({ finish: 'stop' });
    expect(Array.from(end!.tokens!.completion)).toEqual([tokens[0]]);
  });

  it('draws from all tokens and stops at the tag of the game where nothing else is said', async () => {
    const asked = [prompt('x', SYSTEM, '20')];
    const short = { temperature: 1, maxCompletionLength: 4 };
    const [given] = await answersOf(new LanguageModelPolicy(model, { ...short, topK: 0, topP: 1, stop: [] }), asked);
    // The stream of an episode goes on: a new prompt draws the same again.
    const [plain] = await answersOf(new LanguageModelPolicy(model, short), [prompt('x', SYSTEM, '20')]);
    expect(plain).toEqual(given);
    expect(() => new LanguageModelPolicy(model, { ...short, topP: 0 })).toThrow(/topP/);
  });

  it('ends the game of a prompt that does not fit, and refuses settings that make no sense', async () => {
    const small = new LanguageModelPolicy({ ...model, config: { ...config, maxPositions: 10 } }, settings);
    const replies = await small.act([prompt('long', SYSTEM, '20 21 22 23'), prompt('short', '', '20')]);
    expect(replies).toMatchObject([
      { finish: 'context_full', error: expect.stringMatching(/do not fit the \d+ positions/) },
      { text: expect.any(String) },
    ]);
    expect(() => new LanguageModelPolicy(model, { ...settings, topP: 0 })).toThrow(/topP/);
  });
});

describe('distributionOf', () => {
  const logits = Float32Array.of(2, 1, 0, -1);
  it('renormalises over what top-k and top-p keep', () => {
    const topK = distributionOf(logits, { temperature: 1, topK: 2, topP: 1 });
    expect([...topK.support!]).toEqual([0, 1]);
    expect(logprobAt(topK, 0)).toBeCloseTo(-Math.log(1 + Math.exp(-1)), 6);
    // p = 0.644, 0.237, 0.087, 0.032: 0.8 needs the first two.
    expect([...distributionOf(logits, { temperature: 1, topK: 0, topP: 0.8 }).support!]).toEqual([0, 1]);
    expect([...distributionOf(logits, { temperature: 0, topK: 0, topP: 1 }).support!]).toEqual([0]);
  });
  it('gives the entropy of a uniform distribution', () => {
    expect(distributionOf(new Float32Array(8), { temperature: 1, topK: 0, topP: 1 }).entropy).toBeCloseTo(
      Math.log(8),
      12,
    );
  });
  it('refuses logits that are not finite', () => {
    expect(() => distributionOf(Float32Array.of(Number.NaN, 1), { temperature: 1, topK: 0, topP: 1 })).toThrow(
      /finite/,
    );
  });
});
