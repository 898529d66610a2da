// Many ask one sampler: each gets what it would get alone, for fewer runs of the network.

import { stream } from '@ludic/random';
import type { Runtime } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { openGpu } from '../../runtime/testing/gpu.ts';
import { openNumberModel } from '../testing/number-model.ts';
import type { Generation, Prompt } from './contract.ts';
import type { LanguageModel } from './language-model.ts';
import { Sampler } from './sampler.ts';
import type { SamplingParams } from './sampling/params.ts';

const cpu = await createRuntime({ device: 'cpu', threads: 1 });
const gpu = await openGpu();

/** A model whose runs are counted. */
async function open(on: Runtime = cpu): Promise<{ model: LanguageModel; runs: () => number }> {
  let runs = 0;
  const runtime: Runtime = {
    ...on,
    async load(bytes, options) {
      const program = await on.load(bytes, options);
      const { inputs, outputs } = program;
      const run: typeof program.run = (given, into) => {
        runs++;
        return program.run(given, into);
      };
      return { inputs, outputs, run, dispose: () => program.dispose() };
    },
  };
  const model = await openNumberModel(runtime);
  return { model, runs: () => runs };
}

const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
const prompt = (name: string, ...contents: string[]): Prompt => ({
  messages: contents.map((content, i) => ({ role: i === 0 ? 'system' : i % 2 ? 'user' : 'assistant', content })),
  random: stream('sampler test', name),
});
const SYSTEM = '10 11 12 13 14 15';
const SETTINGS: readonly SamplingParams[] = [
  { temperature: 0, topK: 0, topP: 1, maxCompletionLength: 6, stop: [] },
  { temperature: 0.7, topK: 0, topP: 1, maxCompletionLength: 12, stop: [] },
  { temperature: 0.7, topK: 0, topP: 1, maxCompletionLength: 12, stop: ['7'] },
  { temperature: 1.3, topK: 5, topP: 1, maxCompletionLength: 9, stop: [] },
  { temperature: 1, topK: 0, topP: 0.5, maxCompletionLength: 3, stop: [] },
];
/** Some prompts are the same, some go on from others. */
const prompts = (i: number) => [prompt(`a${i}`, SYSTEM, '20 21'), prompt(`b${i}`, SYSTEM, `2${i % 3} 40 41`)];

const same = (replies: readonly Generation[], expected: readonly Generation[]) => {
  expect(replies.map(({ text, finish }) => [text, finish])).toEqual(expected.map(({ text, finish }) => [text, finish]));
  for (const [i, { tokens }] of replies.entries()) {
    expect(tokens!.completion).toEqual(expected[i]!.tokens!.completion);
    for (const [t, logprob] of tokens!.logprobs.entries())
      expect(Math.abs(logprob - expected[i]!.tokens!.logprobs[t]!)).toBeLessThan(1e-4);
  }
};

describe.each([['the CPU', cpu] as const, ...(gpu ? [['WebGPU', gpu] as const] : [])])('a sampler on %s', (_, on) => {
  it('goes on from the beginning of a prompt itself, not from that of another as long', async () => {
    const [first, second] = ['10 11 12 13 14 15', '40 41 42 43 44 45'];
    const alone = await new Sampler((await open(on)).model).sample([prompt('second', second!)], SETTINGS[1]!);
    const sampler = new Sampler((await open(on)).model);
    await sampler.sample([prompt('first', first!)], SETTINGS[1]!);
    same(await sampler.sample([prompt('second', second!)], SETTINGS[1]!), alone);
  });

  it('gives each what it gets alone, whatever the settings of the others, with fewer runs', async () => {
    const expected: Generation[][] = [];
    let runsAlone = 0;
    for (const [i, settings] of SETTINGS.entries()) {
      const { model, runs } = await open(on);
      expected.push(await new Sampler(model).sample(prompts(i), settings));
      runsAlone += runs();
    }
    const { model, runs } = await open(on);
    const sampler = new Sampler(model, { pause });
    const together = await Promise.all(SETTINGS.map((settings, i) => sampler.sample(prompts(i), settings)));
    for (const [i, replies] of together.entries()) same(replies, expected[i]!);
    expect(runs()).toBeLessThan(0.6 * runsAlone);
  });

  it('gives the same when what it knows is discarded under way', async () => {
    const { model } = await open(on);
    const expected = [];
    for (const [i, settings] of SETTINGS.entries())
      expected.push(await new Sampler(model).sample(prompts(i), settings));
    // Discarded with each call, while the earlier ones go on.
    const sampler = new Sampler(model, { pause, capacity: 0 });
    const calls = SETTINGS.map(async (settings, i) => {
      for (let step = 0; step < 2 * i; step++) await pause();
      return sampler.sample(prompts(i), settings);
    });
    for (const [i, replies] of (await Promise.all(calls)).entries()) same(replies, expected[i]!);
  });

  it('lets others join at any token, and conversations go on', async () => {
    const alone = await open(on);
    const { model } = await open(on);
    const sampler = new Sampler(model, { pause });
    const talk = async (name: string, settings: SamplingParams, ask: Sampler['sample']) => {
      const replies: Generation[] = [];
      let one = prompt(name, SYSTEM, '20 21');
      for (let turn = 0; turn < 3; turn++) {
        const [reply] = await ask([one], settings);
        replies.push(reply!);
        const messages = [
          ...one.messages,
          { role: 'assistant' as const, content: reply!.text },
          { role: 'user' as const, content: `5${turn}` },
        ];
        one = { ...one, messages };
      }
      return replies;
    };
    // Each begins some steps after the one before.
    const talks = SETTINGS.map(async (settings, i) => {
      for (let step = 0; step < 3 * i; step++) await pause();
      return talk(`talk ${i}`, settings, (...asked) => sampler.sample(...asked));
    });
    for (const [i, replies] of (await Promise.all(talks)).entries()) {
      const lonely = new Sampler(alone.model);
      same(replies, await talk(`talk ${i}`, SETTINGS[i]!, (...asked) => lonely.sample(...asked)));
    }
  });
});

describe('a sampler', () => {
  it('streams each token, with text and logits, and gives the reply that it gives without', async () => {
    const settings = SETTINGS[2]!;
    const { model } = await open();
    const expected = await new Sampler(model).sample(prompts(1), settings);
    const tokens: number[][] = [[], []];
    const texts = ['', ''];
    const replies = await new Sampler(model).sample(prompts(1), settings, {
      logits: true,
      onToken(i, { token, text, logits }) {
        tokens[i]!.push(token);
        texts[i] = text;
        expect(logits).toHaveLength(model.config.vocabSize);
      },
    });
    same(replies, expected);
    expect(tokens).toEqual(replies.map((reply) => [...reply.tokens!.completion]));
    expect(texts).toEqual(replies.map(({ text }) => text));
  });

  it('stops at a stop text that is or holds a special token, which the reply leaves out', async () => {
    const { model } = await open();
    const settings = { ...SETTINGS[1]!, maxCompletionLength: 12 };
    const [plain] = await new Sampler(model).sample([prompt('special', SYSTEM, '20')], settings);
    const drawn = [...plain!.tokens!.completion];
    const special = drawn[5]!;
    const at = drawn.indexOf(special);
    expect(at).toBeGreaterThan(0);
    const shown = (ids: ArrayLike<number>, skip: boolean) =>
      Array.from(ids)
        .filter((id) => !skip || id !== special)
        .map((id) => (id === special ? '<|end|>' : `${id} `))
        .join('');
    const withSpecial: LanguageModel = {
      ...model,
      tokenizer: {
        ...model.tokenizer,
        encode: (text) => model.tokenizer.encode(text.replaceAll('<|end|>', `${special}`)),
        decode: (ids, { skipSpecialTokens = false } = {}) => shown(ids, skipSpecialTokens),
      },
    };
    for (const stop of ['<|end|>', `${drawn[at - 1]} <|end|>`]) {
      const asked = { ...settings, stop: ['no such text', stop] };
      const [reply] = await new Sampler(withSpecial).sample([prompt('special', SYSTEM, '20')], asked);
      expect([...reply!.tokens!.completion]).toEqual(drawn.slice(0, at + 1));
      expect(reply).toMatchObject({ finish: 'stop', text: shown(drawn.slice(0, at), true) });
    }
  });

  it('stops for who has gone and goes on for the others', async () => {
    const { model, runs } = await open();
    const settings = { ...SETTINGS[1]!, maxCompletionLength: 40 };
    const expected = await new Sampler(model).sample([prompt('stay', SYSTEM, '20')], settings);
    const sampler = new Sampler(model, { pause });
    const gone = new AbortController();
    const before = runs();
    const leaves = sampler.sample([prompt('leave', SYSTEM, '30')], settings, {
      signal: gone.signal,
      onToken: () => runs() - before > 5 && gone.abort(new Error('gone')),
    });
    const stays = sampler.sample([prompt('stay', SYSTEM, '20')], settings);
    await expect(leaves).rejects.toThrow('gone');
    same(await stays, expected);
    await expect(sampler.sample(prompts(0), settings, { signal: gone.signal })).rejects.toThrow('gone');
  });

  it('refuses one who asks for too much, and answers the others', async () => {
    const { model } = await open();
    const sampler = new Sampler(model, { pause });
    const long = { ...SETTINGS[0]!, maxCompletionLength: model.config.maxPositions };
    const [refused, bad, answered] = await Promise.allSettled([
      sampler.sample(prompts(0), long),
      sampler.sample(prompts(0), { ...SETTINGS[0]!, topP: 0 }),
      sampler.sample(prompts(0), SETTINGS[0]!),
    ]);
    expect(refused).toMatchObject({ reason: { code: 'prompt_too_long' } });
    expect(bad).toMatchObject({ reason: { code: 'bad_setting' } });
    expect(answered.status).toBe('fulfilled');
  });

  it('fails one whose tokens cannot be drawn, and answers the others', async () => {
    const { model } = await open();
    const sampler = new Sampler(model, { pause });
    const nextFloat = (): number => {
      throw new Error('no number');
    };
    const broken = { ...prompt('x', SYSTEM, '20'), random: { ...stream(1), nextFloat } };
    const expected = await new Sampler(model).sample(prompts(1), SETTINGS[1]!);
    const [failed, answered] = await Promise.allSettled([
      sampler.sample([broken], SETTINGS[1]!),
      sampler.sample(prompts(1), SETTINGS[1]!),
    ]);
    expect(failed).toMatchObject({ reason: { message: 'no number' } });
    same((answered as PromiseFulfilledResult<Generation[]>).value, expected);
  });

  it('fails all who wait when the network fails, and answers again afterwards', async () => {
    const { model } = await open();
    let broken = true;
    const runtime: Runtime = {
      ...model.runtime,
      async load(bytes, options) {
        const program = await model.runtime.load(bytes, options);
        const { inputs, outputs } = program;
        const run: typeof program.run = async (given, into) => {
          if (broken) throw new Error('broken');
          return program.run(given, into);
        };
        return { inputs, outputs, run, dispose: () => program.dispose() };
      },
    };
    const sampler = new Sampler({ ...model, runtime }, { pause });
    const settled = await Promise.allSettled(SETTINGS.map((settings, i) => sampler.sample(prompts(i), settings)));
    expect(settled.map(({ status }) => status)).toEqual(SETTINGS.map(() => 'rejected'));
    broken = false;
    same(await sampler.sample(prompts(0), SETTINGS[0]!), await new Sampler(model).sample(prompts(0), SETTINGS[0]!));
  });
});
