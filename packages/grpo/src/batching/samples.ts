// A sample is one reply to learn from. Samples whose tokens lie on the same path share the computation: the network is
// fed each longest path once, and every sampled token is looked up at the point where it was chosen.

import type { Target } from '@ludic/models/internal';

/** A reply with its weight in the loss. */
export interface Sample {
  readonly prompt: Int32Array;
  readonly completion: Int32Array;
  /** log π of each completion token under the policy that sampled. */
  readonly oldLogprobs: Float32Array;
  /** log π of each completion token under the reference policy, where there is one. */
  readonly referenceLogprobs?: Float32Array;
  readonly advantage: number;
  /** Weight of each of its tokens in the loss. */
  readonly weight: number;
}

/** Sequences to feed, none a beginning of another, sorted; `samples` are in the order of their sequences. */
export interface SamplePaths<S> {
  readonly sequences: readonly Int32Array[];
  /** How many of a sequence's tokens are a prompt: what its neighbours, other replies to that prompt, begin with too. */
  readonly promptLengths: readonly number[];
  readonly samples: readonly S[];
  /** Which sequence each sample lies on. */
  readonly sequenceOf: Int32Array;
}

type Replied = Pick<Sample, 'prompt' | 'completion'>;

/**
 * Finds the longest paths. The last token of a completion is chosen but never fed. In a conversation that goes on, a
 * later prompt begins with the earlier one and its reply: all turns lie on one path.
 */
export function samplePaths<S extends Replied>(samples: readonly S[]): SamplePaths<S> {
  const promptIds = new Map<Int32Array, number>();
  const paths = new Map<string, { readonly path: Int32Array; readonly samples: S[] }>();
  for (const sample of samples) {
    let prompt = promptIds.get(sample.prompt);
    if (prompt === undefined) promptIds.set(sample.prompt, (prompt = promptIds.size));
    const fed = sample.completion.subarray(0, -1);
    const key = `${prompt}:${fed.join()}`;
    const known = paths.get(key);
    if (known) known.samples.push(sample);
    else paths.set(key, { path: joined(sample.prompt, fed), samples: [sample] });
  }
  const sorted = [...paths.values()].sort((a, b) => compare(a.path, b.path));
  const sequences: Int32Array[] = [];
  const promptLengths: number[] = [];
  const ordered: S[] = [];
  const sequenceOf: number[] = [];
  for (const [i, { path, samples: own }] of sorted.entries()) {
    for (const sample of own) {
      ordered.push(sample);
      sequenceOf.push(sequences.length);
    }
    const next = sorted[i + 1]?.path;
    if (!next || !beginsWith(next, path)) {
      sequences.push(path);
      promptLengths.push(own[0]!.prompt.length);
    }
  }
  return { sequences, promptLengths, samples: ordered, sequenceOf: Int32Array.from(sequenceOf) };
}

function joined(a: Int32Array, b: Int32Array): Int32Array {
  if (b.length === 0) return a;
  const whole = new Int32Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

function compare(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

function beginsWith(whole: Int32Array, start: Int32Array): boolean {
  if (whole.length < start.length) return false;
  for (let i = start.length - 1; i >= 0; i--) if (whole[i] !== start[i]) return false;
  return true;
}

/** A part of the paths that is run at once: `sequenceOf` counts its own sequences. */
export type MicroBatch<S> = SamplePaths<S>;

/** Most numbers of the table of logits of a micro-batch, several copies of which are made: 128 MB each. */
const LARGEST_TABLE = 2 ** 25;

/** Most tokens at which a micro-batch may need logits of a vocabulary of this size. */
export const mostLogitPositions = (vocabSize: number): number => Math.max(1, Math.floor(LARGEST_TABLE / vocabSize));

/**
 * Cuts the paths into parts of at most `tokenBudget` token slots, padding included, and of logits at no more than
 * `mostChosen` tokens, at least one sequence each.
 */
export function* microBatches<S extends Replied>(
  paths: SamplePaths<S>,
  tokenBudget: number,
  mostChosen = Number.POSITIVE_INFINITY,
): Generator<MicroBatch<S>> {
  const chosenOn = new Int32Array(paths.sequences.length);
  for (const [s, { completion }] of paths.samples.entries()) chosenOn[paths.sequenceOf[s]!]! += completion.length;
  let from = 0;
  let sample = 0;
  while (from < paths.sequences.length) {
    let to = from;
    let longest = 0;
    let chosen = 0;
    while (to < paths.sequences.length) {
      const { length } = paths.sequences[to]!;
      longest = Math.max(longest, length);
      // Samples that chose at the same token share its logits.
      chosen += Math.min(length, chosenOn[to]!);
      if (to > from && (longest * (to - from + 1) > tokenBudget || chosen > mostChosen)) break;
      to++;
    }
    const firstSample = sample;
    while (sample < paths.samples.length && paths.sequenceOf[sample]! < to) sample++;
    yield {
      sequences: paths.sequences.slice(from, to),
      promptLengths: paths.promptLengths.slice(from, to),
      samples: paths.samples.slice(firstSample, sample),
      sequenceOf: paths.sequenceOf.slice(firstSample, sample).map((row) => row - from),
    };
    from = to;
  }
}

/** All tokens of a micro-batch's samples, and after which packed token each comes. */
export function* targetsOf(
  batch: MicroBatch<Replied>,
  tokenAt: (sequence: number, i: number) => number,
): Generator<Target> {
  for (const [s, { prompt, completion }] of batch.samples.entries()) {
    const sequence = batch.sequenceOf[s]!;
    for (let t = 0; t < completion.length; t++) yield [tokenAt(sequence, prompt.length - 1 + t), completion[t]!];
  }
}

/** What a loss looks at of samples, token after token. A sequence is one reply. */
export function tokenColumns(samples: readonly Sample[]) {
  const tokens = samples.reduce((sum, { completion }) => sum + completion.length, 0);
  const columns = {
    oldLogprobs: new Float32Array(tokens),
    referenceLogprobs: new Float32Array(tokens),
    advantages: new Float32Array(tokens),
    weights: new Float32Array(tokens),
    /** Index of each token's sample. */
    sequenceOf: new Int32Array(tokens),
  };
  let at = 0;
  for (const [s, sample] of samples.entries()) {
    const end = at + sample.completion.length;
    columns.oldLogprobs.set(sample.oldLogprobs, at);
    if (sample.referenceLogprobs) columns.referenceLogprobs.set(sample.referenceLogprobs, at);
    columns.advantages.fill(sample.advantage, at, end);
    columns.weights.fill(sample.weight, at, end);
    columns.sequenceOf.fill(s, at, end);
    at = end;
  }
  return columns;
}
