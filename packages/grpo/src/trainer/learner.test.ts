// The gradient of a batch does not depend on how the batch was cut, on the order of its samples, or on sharing paths.

import { fileURLToPath } from 'node:url';
import { everyLinearLayer, newAdapter, readCheckpoint } from '@ludic/models';
import { floatParameters } from '@ludic/models/internal';
import { openModelFolder } from '@ludic/models/node';
import { stream } from '@ludic/random';
import { floats, type HostTensor, ResidentTensors, type Runtime } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { microBatches, type Sample, samplePaths } from '../batching/samples.ts';
import type { Objective } from '../loss/gradient-graph.ts';
import { DEFAULT_ADAMW } from '../optimizer/adamw.ts';
import { DEFAULT_LOSS } from '../settings/loss-settings.ts';
import { Learner } from './learner.ts';

const runtime = await createRuntime({ device: 'cpu', threads: 1 });
const files = await openModelFolder(fileURLToPath(new URL('../../../models/fixtures/smollm-tiny', import.meta.url)));
const { config, parameters } = await readCheckpoint(files);
const random = stream('learner test');
const ids = (length: number) => Int32Array.from({ length }, () => random.nextInt(config.vocabSize));
const joined = (...parts: Int32Array[]) => Int32Array.from(parts.flatMap((part) => [...part]));

/** Some replies to few prompts, conversations among them: later prompts begin with earlier prompts and replies. */
function someSamples(): Sample[] {
  const system = ids(6);
  const prompts = Array.from({ length: 5 }, () => joined(system, ids(2 + random.nextInt(5))));
  const sample = (prompt: Int32Array, completion: Int32Array): Sample => ({
    prompt,
    completion,
    oldLogprobs: Float32Array.from(completion, () => -4 - random.nextFloat()),
    advantage: random.nextFloat() * 2 - 1,
    weight: 0.01 + random.nextFloat() * 0.01,
  });
  return prompts.flatMap((prompt) => {
    const reply = ids(3);
    const first = sample(prompt, reply);
    const second = sample(joined(prompt, reply, ids(3)), ids(2));
    return [first, sample(prompt, ids(1)), sample(prompt, reply), second];
  });
}
const samples = someSamples();

const copyOf = (tensors: Readonly<Record<string, HostTensor>>): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]));

async function gradientOf(batch: readonly Sample[], objective: Objective, tokenBudget: number) {
  const learner = new Learner({
    runtime,
    config,
    parameters: await ResidentTensors.of(runtime, parameters),
    objective,
    adamw: DEFAULT_ADAMW,
    temperature: 0.8,
    tokenBudget,
  });
  const { loss } = await learner.accumulate(batch);
  const gradient = Object.fromEntries(
    Object.entries(await learner.gradients.download()).map(([name, tensor]) => [name, floats(tensor).slice()]),
  );
  await learner.dispose();
  return { loss, gradient };
}

function expectSame(a: Record<string, Float32Array>, b: Record<string, Float32Array>): void {
  for (const [name, values] of Object.entries(a)) {
    const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const difference = values.reduce((most, x, i) => Math.max(most, Math.abs(x - b[name]![i]!)), 0);
    expect(difference, name).toBeLessThanOrEqual(2e-5 * largest + 1e-9);
  }
}

it.each([
  ['qwen3-tiny', 8],
  ['qwen3-tiny', 4],
  ['gemma3-tiny', 8],
  // Its layers are stored the other way round.
  ['gpt2-tiny', 4],
] as const)('gives an adapter on %s, in %d bits, the gradient that it has on their numbers', async (name, bits) => {
  const folder = await openModelFolder(fileURLToPath(new URL(`../../../models/fixtures/${name}`, import.meta.url)));
  const kept = await readCheckpoint(folder, bits);
  const lora = { rank: 4, alpha: 8, targets: everyLinearLayer(kept.config), rankStabilized: false };
  const adapter = newAdapter(kept.config, lora, 3);
  // B begins with zeros, and A would have no gradient.
  for (const tensor of Object.values(adapter.parameters)) floats(tensor).set(floats(tensor).map((_, i) => Math.sin(i)));
  // Vocabularies differ in size.
  const within = (all: Int32Array) => all.map((id) => id % kept.config.vocabSize);
  const known = samples.map((sample) => ({
    ...sample,
    prompt: within(sample.prompt),
    completion: within(sample.completion),
  }));
  const gradients = [];
  for (const baseBits of [bits, undefined]) {
    const own = baseBits ? kept.parameters : { ...floatParameters(kept.parameters, kept.config, bits) };
    const learner = new Learner({
      runtime,
      config: kept.config,
      parameters: await ResidentTensors.of(runtime, own),
      adapter: { config: adapter.config, parameters: await ResidentTensors.of(runtime, adapter.parameters) },
      baseBits,
      objective: 'supervised',
      adamw: DEFAULT_ADAMW,
      temperature: 0.8,
      tokenBudget: 64,
    });
    await learner.accumulate(known);
    gradients.push(
      Object.fromEntries(
        Object.entries(await learner.gradients.download()).map(([name, tensor]) => [name, floats(tensor).slice()]),
      ),
    );
    await learner.dispose();
  }
  expectSame(gradients[0]!, gradients[1]!);
});

describe('the learner', () => {
  it('tells the runtime where shapes will come again, and gets the same numbers', async () => {
    const asked: (boolean | undefined)[] = [];
    const watched: Runtime = {
      ...runtime,
      load(model, options) {
        asked.push(options?.repeatsShapes);
        return runtime.load(model, options);
      },
    };
    const loss = async (repeated: boolean) => {
      const learner = new Learner({
        runtime: watched,
        config,
        parameters: await ResidentTensors.of(runtime, parameters),
        objective: DEFAULT_LOSS,
        adamw: DEFAULT_ADAMW,
        temperature: 0.8,
        tokenBudget: 1000,
        repeated,
      });
      const first = (await learner.accumulate(samples)).loss;
      learner.gradients.clear();
      expect((await learner.accumulate(samples)).loss).toBe(first);
      await learner.score(samples);
      await learner.dispose();
      return first;
    };
    expect(await loss(true)).toBe(await loss(false));
    // Two learners with a graph of gradients and one of scores each; scores are taken once.
    expect(asked).toEqual([true, undefined, undefined, undefined]);
  });

  const objectives: readonly (readonly [string, Objective])[] = [
    ['dapo', DEFAULT_LOSS],
    ['sequence-level ratios', { ...DEFAULT_LOSS, lossType: 'grpo', importanceSamplingLevel: 'sequence' }],
    ['cispo with an entropy bonus', { ...DEFAULT_LOSS, lossType: 'cispo', epsilonHigh: 5, entropyCoefficient: 0.01 }],
    ['supervised', 'supervised'],
  ];
  it.each(objectives)('gives one gradient however the batch is cut: %s', async (_, objective) => {
    const whole = await gradientOf(samples, objective, 100_000);
    for (const budget of [1, 40, 90]) {
      const parts = await gradientOf(samples, objective, budget);
      expect(parts.loss).toBeCloseTo(whole.loss, 5);
      expectSame(whole.gradient, parts.gradient);
    }
    expectSame(whole.gradient, (await gradientOf([...samples].reverse(), objective, 60)).gradient);
  });

  it('gives the sum of the gradients of single samples', async () => {
    const whole = await gradientOf(samples, DEFAULT_LOSS, 100_000);
    const learner = new Learner({
      runtime,
      config,
      parameters: await ResidentTensors.of(runtime, parameters),
      objective: DEFAULT_LOSS,
      adamw: DEFAULT_ADAMW,
      temperature: 0.8,
      tokenBudget: 1,
    });
    for (const sample of samples) await learner.accumulate([sample]);
    expectSame(
      whole.gradient,
      Object.fromEntries(
        Object.entries(await learner.gradients.download()).map(([name, tensor]) => [name, floats(tensor)]),
      ),
    );
    await learner.dispose();
  });

  it('adds up whole sums bit for bit the same, whether they were made here or by other learners', async () => {
    const learnerOfOwn = async () =>
      new Learner({
        runtime,
        config,
        parameters: await ResidentTensors.of(runtime, copyOf(parameters)),
        objective: DEFAULT_LOSS,
        adamw: DEFAULT_ADAMW,
        temperature: 0.8,
        tokenBudget: 40,
      });
    const shards = [samples.slice(0, 7), [], samples.slice(7, 9), samples.slice(9)];
    const one = await learnerOfOwn();
    const gathering = await learnerOfOwn();
    const others = await Promise.all(shards.map(learnerOfOwn));
    // Twice: the second time must see nothing of the first.
    for (let update = 0; update < 2; update++) {
      one.gradients.clear();
      gathering.gradients.clear();
      for (const [i, shard] of shards.entries()) {
        await one.accumulate(shard);
        await one.gradients.endPart();
        others[i]!.gradients.clear();
        await others[i]!.accumulate(shard);
        const gradients = await others[i]!.gradients.download();
        expect(Object.keys(gradients).length > 0).toBe(shard.length > 0);
        // Others are elsewhere: what they send is a copy.
        if (shard.length > 0) await gathering.gradients.addPart(copyOf(gradients));
      }
      const sums = await one.gradients.download();
      expect(await gathering.gradients.download()).toEqual(sums);
      expectSame(
        (await gradientOf(samples, DEFAULT_LOSS, 100_000)).gradient,
        Object.fromEntries(Object.entries(sums).map(([name, tensor]) => [name, floats(tensor)])),
      );
    }
    expect(await one.step(1e-3)).toBe(await gathering.step(1e-3));
    expect(await one.optimizer.state()).toEqual(await gathering.optimizer.state());
    expect(await one.gradients.download()).toEqual({});
    for (const learner of [one, gathering, ...others]) await learner.dispose();
  });

  it('changes nothing when there is nothing to learn from, whatever momentum is left', async () => {
    const own = await ResidentTensors.of(runtime, copyOf(parameters as Record<string, HostTensor>));
    const learner = new Learner({
      runtime,
      config,
      parameters: own,
      objective: DEFAULT_LOSS,
      adamw: { ...DEFAULT_ADAMW, weightDecay: 0.1 },
      temperature: 1,
      tokenBudget: 1000,
    });
    const flat = samples.map((sample) => ({ ...sample, advantage: 0 }));
    await learner.accumulate(samples);
    expect(await learner.step(1e-3)).toBeGreaterThan(0);
    const [before, state] = [copyOf(await own.download()), await learner.optimizer.state()];
    await learner.accumulate(flat);
    expect(await learner.step(1e-3)).toBe(0);
    expect(await own.download()).toEqual(before);
    expect((await learner.optimizer.state()).updates).toBe(state.updates);
    await learner.dispose();
  });

  it('changes nothing when the gradient is not finite', async () => {
    const own: Record<string, HostTensor> = Object.fromEntries(
      Object.entries(parameters).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]),
    );
    const learner = new Learner({
      runtime,
      config,
      parameters: await ResidentTensors.of(runtime, own),
      objective: 'supervised',
      adamw: DEFAULT_ADAMW,
      temperature: 1,
      tokenBudget: 1000,
    });
    await learner.accumulate([{ ...samples[0]!, weight: Number.NaN }]);
    await expect(learner.step(1e-3)).rejects.toMatchObject({ code: 'not_finite' });
    for (const [name, tensor] of Object.entries(own)) expect(tensor.data).toEqual(parameters[name]!.data);
    await learner.dispose();
  });
});

describe('samplePaths', () => {
  it('feeds each longest path once and finds every sample on its path', () => {
    const { paths, samples: ordered, pathOf } = samplePaths(samples);
    // Each of the five prompts has one conversation; the one-token reply lies on its prompt.
    expect(paths).toHaveLength(5);
    for (const [s, { prompt, completion }] of ordered.entries()) {
      const fed = joined(prompt, completion.subarray(0, -1));
      expect(paths[pathOf[s]!]!.end.path().subarray(0, fed.length)).toEqual(fed);
    }
  });

  it('cuts into parts that hold every sample once and stay within the budget where they can', () => {
    const paths = samplePaths(samples);
    const parts = [...microBatches(paths, 45)];
    expect(parts.flatMap((part) => part.samples)).toEqual(paths.samples);
    for (const { paths: own } of parts) {
      const longest = Math.max(...own.map(({ end }) => end.depth));
      expect(own.length === 1 || longest * own.length <= 45).toBe(true);
    }
  });

  it('cuts where too many tokens were chosen, so that the table of logits stays small', () => {
    const paths = samplePaths(samples);
    const parts = [...microBatches(paths, 100_000, 14)];
    expect(parts.flatMap((part) => part.samples)).toEqual(paths.samples);
    expect(parts.length).toBeGreaterThan(1);
    for (const { paths: fed, samples: own } of parts) {
      const chosen = new Set(own.flatMap(({ prompt, completion }) => [...completion].map((_, t) => prompt.length + t)));
      expect(fed.length === 1 || chosen.size <= 14).toBe(true);
    }
  });
});
