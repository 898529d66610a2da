// A loss of the user in the gradient graph: its numbers, its gradient against finite differences as that of every loss type,
// and what is said of a function that gives no loss of tokens.

import { add, exp, Graph, gradients, mul, neg, scale, serialize, sub, sum, tanh } from '@ludic/graph';
import { float32, floats, type HostTensor, type Runtime, scalar } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { openGpu } from '../../../runtime/testing/gpu.ts';
import { gradientOf, tinyLearners } from '../../testing/tiny-learner.ts';
import type { Sample } from '../batching/samples.ts';
import { DEFAULT_LOSS, type LossSettings } from '../settings/loss-settings.ts';
import { buildLoss, tokenWeights } from './loss.ts';
import { LOSS_TYPES, lossNames, lossRow, registerLoss, type TokenLoss } from './loss-types.ts';

const gpu = await openGpu();
const runtime = await createRuntime({ device: 'cpu', threads: 1 });

/** Smooth in every token: −tanh(r)·A·e^(log π / 2) + H·0.1. */
const smooth: TokenLoss = ({ ratio, advantages, logprobs, entropies }) =>
  add(neg(mul(mul(tanh(ratio), advantages), exp(scale(logprobs, 0.5)))), scale(entropies, 0.1));
registerLoss('smooth', { surrogate: smooth, averaging: 'batch' });
/** The distance from the reference as (log π − log π_ref)², in place of the KL term. */
registerLoss('squared', {
  surrogate: ({ ratio, advantages, logprobs, reference }) => {
    const distance = sub(logprobs, reference!.logprobs);
    return sub(mul(mul(distance, distance), reference!.beta), mul(ratio, advantages));
  },
  averaging: 'constant',
  epsilonHigh: 0.4,
  hasOwnKl: true,
});

const TOKENS = {
  // No ratio lies at a corner of a clip.
  logprobs: [-1, -0.3, -2, -0.7, -1.4],
  old_logprobs: [-1.1, -0.32, -1.4, -1.2, -1.38],
  reference_logprobs: [-1.3, -0.5, -1.5, -0.8, -1],
  advantages: [1, -0.5, 2, -1, 0.7],
  weights: [0.1, 0.2, 0.3, 0.15, 0.25],
};
const column = (numbers: readonly number[]) => float32(numbers, [numbers.length]);

async function programOf(settings: LossSettings, device: Runtime = runtime) {
  const graph = new Graph('loss');
  const logprobs = graph.input('logprobs', 'float32', ['tokens']);
  const loss = buildLoss(graph, settings, { logprobs, entropies: neg(logprobs) });
  graph.output('loss', loss);
  graph.output('gradient', gradients(loss, [logprobs])[0]!);
  const program = await device.load(serialize(graph));
  return async (logprobs: readonly number[]) => {
    const columns = Object.fromEntries(Object.entries({ ...TOKENS, logprobs }).map(([k, v]) => [k, column(v)]));
    const coefficients = { beta: scalar(settings.beta), entropy_coefficient: scalar(settings.entropyCoefficient) };
    const outputs = await program.run({ ...columns, ...coefficients });
    return { loss: floats(outputs.loss as HostTensor)[0]!, gradient: [...floats(outputs.gradient as HostTensor)] };
  };
}

describe('a loss of the user', () => {
  it('is one more loss type, with its averaging and its defaults', () => {
    expect(lossNames()).toEqual([...LOSS_TYPES, 'smooth', 'squared']);
    expect(lossRow('smooth').epsilonHigh).toBe(0.2);
    expect(lossRow('squared').epsilonHigh).toBe(0.4);
    const options = { maxCompletionLength: 10, batchTokens: 8 };
    expect(tokenWeights([5, 3], { lossType: 'smooth', ...options })).toEqual([1 / 8, 1 / 8]);
    expect(tokenWeights([5, 3], { lossType: 'squared', ...options })).toEqual([1 / 20, 1 / 20]);
    expect(() => registerLoss('smooth', lossRow('dapo'))).toThrow('it must be a name that no other loss has');
  });

  it('is the weighted sum of what its function gives, and of the KL term unless it has its own', async () => {
    const { logprobs, old_logprobs, reference_logprobs, advantages, weights } = TOKENS;
    const total = (of: (t: number) => number) => weights.reduce((all, weight, t) => all + weight * of(t), 0);
    const ratio = (t: number) => Math.exp(logprobs[t]! - old_logprobs[t]!);
    const kl = (t: number) =>
      Math.exp(reference_logprobs[t]! - logprobs[t]!) - reference_logprobs[t]! + logprobs[t]! - 1;
    const own = (t: number) => -Math.tanh(ratio(t)) * advantages[t]! * Math.exp(logprobs[t]! / 2) - 0.1 * logprobs[t]!;
    const settings = { ...DEFAULT_LOSS, beta: 0.2, useBiasCorrectionKl: false };
    const lossOf = async (lossType: string) => (await (await programOf({ ...settings, lossType }))(logprobs)).loss;
    expect(await lossOf('smooth')).toBeCloseTo(
      total((t) => own(t) + 0.2 * kl(t)),
      5,
    );
    const squared = (t: number) => 0.2 * (logprobs[t]! - reference_logprobs[t]!) ** 2 - ratio(t) * advantages[t]!;
    expect(await lossOf('squared')).toBeCloseTo(total(squared), 5);
  });

  it.each<[string, TokenLoss, string]>([
    [
      'the sum',
      ({ logprobs }) => sum(logprobs),
      'gives float32 []; it must give the loss of each token, float32 [tokens]',
    ],
    ['nothing', () => undefined as never, 'gives no value of the graph'],
    ['a constant', ({ graph }) => graph.scalar(1), 'gives float32 []'],
    ['what does not fit', ({ graph, ratio }) => mul(ratio, graph.constant(Float32Array.of(1, 2), [2])), 'failed: Mul'],
  ])('is refused where it gives %s', async (name, surrogate, message) => {
    const lossType = `wrong_${name.replaceAll(' ', '_')}`;
    registerLoss(lossType, { surrogate, averaging: 'batch' });
    await expect(programOf({ ...DEFAULT_LOSS, lossType })).rejects.toMatchObject({
      code: 'bad_plugin',
      message: expect.stringContaining(`The loss ${lossType} ${message}`),
    });
  });
});

describe.skipIf(!gpu)('a loss of the user on WebGPU', () => {
  it.each(['smooth', 'squared'])(
    '%s is what it is on the CPU, with its gradient',
    { timeout: 60_000 },
    async (lossType) => {
      const settings = { ...DEFAULT_LOSS, lossType, beta: 0.2, entropyCoefficient: 0.01 };
      const [here, there] = [await programOf(settings), await programOf(settings, gpu)];
      const [expected, found] = [await here(TOKENS.logprobs), await there(TOKENS.logprobs)];
      expect(found.loss).toBeCloseTo(expected.loss, 5);
      for (const [t, slope] of expected.gradient.entries()) expect(found.gradient[t]).toBeCloseTo(slope, 5);
    },
  );
});

describe('the gradient of a loss', () => {
  // cispo has no gradient through its ratio: its golden numbers are in loss.test.ts.
  const differentiable = [...LOSS_TYPES.filter((lossType) => lossType !== 'cispo'), 'smooth', 'squared'];
  it.each(differentiable)('%s is that of finite differences', async (lossType) => {
    const settings = { ...DEFAULT_LOSS, lossType, epsilonHigh: lossRow(lossType).epsilonHigh, beta: 0.2 };
    const run = await programOf(settings);
    const { gradient } = await run(TOKENS.logprobs);
    expect(gradient.filter((slope) => slope !== 0)).not.toEqual([]);
    const h = 2e-3;
    for (const t of TOKENS.logprobs.keys()) {
      const at = async (by: number) => (await run(TOKENS.logprobs.map((x, i) => (i === t ? x + by : x)))).loss;
      expect(((await at(h)) - (await at(-h))) / (2 * h), `token ${t}`).toBeCloseTo(gradient[t]!, 3);
    }
  });

  it('of the user is that of finite differences in the weights of a network', async () => {
    const { parameters, learnerWith } = await tinyLearners('smollm-tiny');
    const options = { objective: { ...DEFAULT_LOSS, lossType: 'smooth' }, temperature: 1, tokenBudget: 1024 };
    const sample = (completion: readonly number[], advantage: number): Sample => ({
      prompt: Int32Array.of(5, 7, 9),
      completion: Int32Array.from(completion),
      oldLogprobs: Float32Array.from(completion, () => -5),
      advantage,
      weight: 0.25,
    });
    const samples = [sample([4, 5], 1), sample([6, 8], -1)];
    const learner = await learnerWith(options);
    const gradient = await gradientOf(learner, samples);
    const slope = Math.hypot(...gradient);
    expect(slope).toBeGreaterThan(1e-3);
    /** The loss where all weights have gone this far along the gradient. */
    const lossAt = async (length: number) => {
      let next = 0;
      const moved = Object.entries(parameters).map(([name, tensor]) => {
        const data = floats(tensor).map((x) => x + (length * gradient[next++]!) / slope);
        return [name, float32(data, tensor.dims)] as const;
      });
      const there = await learnerWith(options, Object.fromEntries(moved));
      const { loss } = await there.accumulate(samples);
      await there.dispose();
      return loss;
    };
    const h = 1e-2;
    const measured = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
    expect(Math.abs(measured / slope - 1)).toBeLessThan(1e-2);
    await learner.dispose();
  });
});
