// The whole loss family against TRL's numbers: advantages, loss, gradient and metrics of every case.

import { readFileSync } from 'node:fs';
import { Graph, gradients, serialize } from '@ludic/graph';
import { float32, floats, type HostTensor, int32, scalar } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { describe, expect, it } from 'vitest';
import { groupAdvantages } from '../advantages/group-advantages.ts';
import {
  DEFAULT_LOSS,
  type ImportanceSamplingLevel,
  type LossSettings,
  type ScaleRewards,
} from '../settings/loss-settings.ts';
import { buildLoss, tokenWeights } from './loss.ts';
import { lossMetrics } from './loss-metrics.ts';
import type { LossType } from './loss-types.ts';

interface Golden {
  readonly batches: Record<
    string,
    {
      rewards: number[];
      group_ids: number[];
      completion_mask: number[][];
      logp: number[][];
      old_logp: number[][];
      ref_logp: number[][];
    }
  >;
  readonly cases: readonly {
    name: string;
    settings: {
      batch: string;
      loss_type: LossType;
      importance_sampling_level: ImportanceSamplingLevel;
      scale_rewards: ScaleRewards;
      epsilon: number;
      epsilon_high: number;
      delta: number | null;
      beta: number;
      use_bias_correction_kl: boolean;
      max_completion_length: number;
      num_items_in_batch: number;
      sapo_temperature_pos: number;
      sapo_temperature_neg: number;
    };
    expected: { advantages: number[]; loss: number; grad_logp: number[][]; metrics: Record<string, number | null> };
  }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL('../../fixtures/grpo.json', import.meta.url), 'utf8'));
const runtime = await createRuntime({ device: 'cpu', threads: 1 });

it.each([
  ['in the first pass', true],
  ['in a later pass', false],
] as const)('weighs what the sampler rounded otherwise, %s', async (_, isFirst) => {
  const settings: LossSettings = { ...DEFAULT_LOSS, beta: 0.1 };
  const columns = {
    logprobs: [-1, -0.3, -2, -0.7],
    sampled: [-1.2, -0.3, -3, -0.5],
    trainer: [-1.1, -0.4, -2, -0.6],
    reference: [-1, -1, -1, -1],
    advantages: [1, -0.5, 2, -1],
  };
  const { logprobs, sampled, trainer, reference, advantages } = columns;
  const old = isFirst ? logprobs : trainer;
  const cappedWeights = old.map((x, i) => Math.min(2, Math.exp(x - sampled[i]!)));
  const column = (numbers: readonly number[]) => float32(numbers, [4]);
  const lossOf = async (samplerRounds: boolean, inputs: Record<string, HostTensor>) => {
    const graph = new Graph('loss');
    const given = graph.input('logprobs', 'float32', [4]);
    const loss = buildLoss(graph, settings, { logprobs: given, entropies: given }, samplerRounds);
    graph.output('loss', loss);
    graph.output('gradient', gradients(loss, [given])[0]!);
    const program = await runtime.load(serialize(graph));
    const outputs = await program.run({
      logprobs: column(logprobs),
      reference_logprobs: column(reference),
      weights: column([0.1, 0.2, 0.3, 0.4]),
      beta: scalar(0.1),
      ...inputs,
    });
    return [floats(outputs.loss as HostTensor), floats(outputs.gradient as HostTensor)].map((numbers) => [...numbers]);
  };
  const corrected = await lossOf(true, {
    old_logprobs: column(sampled),
    trainer_logprobs: column(isFirst ? [0, 0, 0, 0] : trainer),
    is_first_pass: scalar(isFirst ? 1 : 0),
    advantages: column(advantages),
  });
  const plain = await lossOf(false, {
    old_logprobs: column(old),
    advantages: column(advantages.map((x, i) => x * cappedWeights[i]!)),
  });
  for (const [k, numbers] of corrected.entries())
    for (const [i, x] of numbers.entries()) expect(x).toBeCloseTo(plain[k]![i]!, 5);
});

describe('the GRPO loss', () => {
  it.each(golden.cases)('$name', async ({ settings: s, expected }) => {
    const batch = golden.batches[s.batch]!;
    const settings: LossSettings = {
      lossType: s.loss_type,
      importanceSamplingLevel: s.importance_sampling_level,
      epsilon: s.epsilon,
      epsilonHigh: s.epsilon_high,
      ...(s.delta !== null && { delta: s.delta }),
      beta: s.beta,
      useBiasCorrectionKl: s.use_bias_correction_kl,
      entropyCoefficient: 0,
      sapoTemperaturePos: s.sapo_temperature_pos,
      sapoTemperatureNeg: s.sapo_temperature_neg,
    };
    const advantages = groupAdvantages(batch.rewards, batch.group_ids, s.scale_rewards).values;
    for (const [i, value] of advantages.entries()) expect(value).toBeCloseTo(expected.advantages[i]!, 10);

    // Flat lists hold the counted tokens alone.
    const at: (readonly [number, number])[] = [];
    for (const [i, row] of batch.completion_mask.entries()) for (const [t, m] of row.entries()) if (m) at.push([i, t]);
    const flat = (rows: number[][]) => at.map(([i, t]) => rows[i]![t]!);
    const sequenceOf = at.map(([i]) => i);
    const lengths = batch.completion_mask.map((row) => row.reduce((a, b) => a + b, 0));
    const weights = tokenWeights(lengths, {
      lossType: s.loss_type,
      maxCompletionLength: s.max_completion_length,
      batchTokens: s.num_items_in_batch,
    });

    const graph = new Graph('loss');
    const logprobs = graph.input('logprobs', 'float32', ['tokens']);
    const loss = buildLoss(graph, settings, { logprobs, entropies: logprobs });
    graph.output('loss', loss);
    graph.output('gradient', gradients(loss, [logprobs])[0]!);
    const program = await runtime.load(serialize(graph));
    const vector = (numbers: number[]) => float32(numbers, [numbers.length]);
    const outputs = (await program.run({
      logprobs: vector(flat(batch.logp)),
      old_logprobs: vector(flat(batch.old_logp)),
      reference_logprobs: vector(flat(batch.ref_logp)),
      advantages: vector(sequenceOf.map((i) => advantages[i]!)),
      weights: vector(sequenceOf.map((i) => weights[i]!)),
      sequence_of: int32(sequenceOf, [sequenceOf.length]),
      inverse_lengths: vector(lengths.map((n) => 1 / Math.max(1, n))),
      beta: scalar(settings.beta),
    })) as Record<'loss' | 'gradient', HostTensor>;
    await program.dispose();

    const largest = Math.max(...expected.grad_logp.flat().map(Math.abs));
    const gradient = floats(outputs.gradient);
    for (const [k, value] of flat(expected.grad_logp).entries()) {
      expect(Math.abs(gradient[k]! - value)).toBeLessThanOrEqual(1e-5 * largest);
    }
    expect(Math.abs(floats(outputs.loss)[0]! - expected.loss)).toBeLessThanOrEqual(
      1e-5 * Math.max(Math.abs(expected.loss), 0.1),
    );

    const metrics = lossMetrics(settings, {
      logprobs: flat(batch.logp),
      oldLogprobs: flat(batch.old_logp),
      referenceLogprobs: flat(batch.ref_logp),
      advantages: sequenceOf.map((i) => advantages[i]!),
      sequenceOf,
      sequences: lengths.length,
    });
    const ours: Record<string, number | undefined> = {
      mean_kl: metrics.mean_kl,
      clip_ratio_low_mean: metrics.clip_ratio_low_mean,
      clip_ratio_high_mean: metrics.clip_ratio_high_mean,
      clip_ratio_region_mean: metrics.clip_ratio_region_mean,
      clip_ratio_low_min: metrics.clip_ratio_low_min,
      clip_ratio_high_max: metrics.clip_ratio_high_max,
      cispo_clip_ratio: metrics.clip_ratio_high_mean,
    };
    for (const [name, value] of Object.entries(expected.metrics)) {
      if (value === null) expect(ours[name]).toBeUndefined();
      else expect(ours[name], name).toBeCloseTo(value, 10);
    }
  });
});
