// A sample is one reply to learn from. Samples whose tokens lie on the same path of the token tree share the computation:
// the network is fed each longest path once, and every sampled token is looked up at the point where it was chosen.

import { type PackedPath, type Target, TokenNode } from '@ludic/models/internal';

/** A reply with its weight in the loss. */
export interface Sample {
  /** [prompt tokens] Ids. */
  readonly prompt: Int32Array;
  /** [completion tokens] Ids. */
  readonly completion: Int32Array;
  /** Where the prompt ends in the token tree of its batch. Found from the ids where it is left out. */
  readonly promptNode?: TokenNode | undefined;
  /** [completion tokens] log π under the policy that sampled. */
  readonly oldLogprobs: Float32Array;
  /** [completion tokens] log π as the trainer took it before the first update of the batch, where it rounds otherwise than the sampler. */
  readonly trainerLogprobs?: Float32Array;
  /** [completion tokens] log π under the reference policy, where there is one. */
  readonly referenceLogprobs?: Float32Array;
  readonly advantage: number;
  /** Weight of each of its tokens in the loss. */
  readonly weight: number;
}

type Replied = Pick<Sample, 'prompt' | 'completion' | 'promptNode'>;

/** Paths to feed, none a beginning of another, sorted by their ids; `samples` are in the order of their paths. */
export interface SamplePaths<S> {
  readonly paths: readonly PackedPath[];
  readonly samples: readonly S[];
  /** [samples] Which path each sample lies on. */
  readonly pathOf: Int32Array;
}

/** Where each prompt ends, all in one tree: that of the nodes that come with them or, where these are of several, a new one. */
export function promptsInOneTree(prompts: readonly Pick<Sample, 'prompt' | 'promptNode'>[]): readonly TokenNode[] {
  const nodes = prompts.map(({ promptNode }) => promptNode);
  const tree = nodes[0]?.tree;
  if (nodes.every((node): node is TokenNode => node !== undefined && node.tree === tree)) return nodes;
  const rebuilt = new TokenNode();
  return prompts.map(({ prompt }) => rebuilt.follow(prompt));
}

/**
 * Finds the longest paths. The last token of a completion is chosen but never fed. In a conversation that goes on, a
 * later prompt begins with the earlier one and its reply: all turns lie on one path.
 */
export function samplePaths<S extends Replied>(samples: readonly S[]): SamplePaths<S> {
  const prompts = promptsInOneTree(samples);
  const groups = new Map<TokenNode, { readonly ids: Int32Array; prompt: TokenNode; readonly samples: S[] }>();
  for (const [i, sample] of samples.entries()) {
    const prompt = prompts[i]!;
    const end = prompt.follow(sample.completion.subarray(0, -1));
    const known = groups.get(end);
    if (known) {
      known.samples.push(sample);
      if (prompt.depth > known.prompt.depth) known.prompt = prompt;
    } else groups.set(end, { ids: end.path(), prompt, samples: [sample] });
  }
  const sorted = [...groups].sort(([, a], [, b]) => compare(a.ids, b.ids));
  const paths: PackedPath[] = [];
  const ordered: S[] = [];
  const pathOf: number[] = [];
  for (const [i, [end, { prompt, samples: own }]] of sorted.entries()) {
    for (const sample of own) {
      ordered.push(sample);
      pathOf.push(paths.length);
    }
    const goesOn = sorted[i + 1]?.[0].ancestor(end.depth) === end;
    if (!goesOn) paths.push({ end, prompt });
  }
  return { paths, samples: ordered, pathOf: Int32Array.from(pathOf) };
}

function compare(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** A part of the paths that is run at once: `pathOf` counts its own paths. */
export type MicroBatch<S> = SamplePaths<S>;

/** Most numbers of the table of logits of a micro-batch, several copies of which are made: 128 MB each. */
const LARGEST_TABLE = 2 ** 25;

/** Most tokens at which a micro-batch may need logits of a vocabulary of this size. */
export const mostLogitPositions = (vocabSize: number): number => Math.max(1, Math.floor(LARGEST_TABLE / vocabSize));

/**
 * Cuts the paths into parts of at most `tokenBudget` token slots, padding included, and of logits at no more than
 * `mostChosen` tokens, at least one path each.
 */
export function* microBatches<S extends Replied>(
  { paths, samples, pathOf }: SamplePaths<S>,
  tokenBudget: number,
  mostChosen = Number.POSITIVE_INFINITY,
): Generator<MicroBatch<S>> {
  const chosenOn = new Int32Array(paths.length);
  for (const [s, { completion }] of samples.entries()) chosenOn[pathOf[s]!]! += completion.length;
  let from = 0;
  let sample = 0;
  while (from < paths.length) {
    let to = from;
    let longest = 0;
    let chosen = 0;
    while (to < paths.length) {
      const { depth } = paths[to]!.end;
      longest = Math.max(longest, depth);
      // Samples that chose at the same token share its logits.
      chosen += Math.min(depth, chosenOn[to]!);
      if (to > from && (longest * (to - from + 1) > tokenBudget || chosen > mostChosen)) break;
      to++;
    }
    const firstSample = sample;
    while (sample < samples.length && pathOf[sample]! < to) sample++;
    const begin = from;
    yield {
      paths: paths.slice(from, to),
      samples: samples.slice(firstSample, sample),
      pathOf: pathOf.slice(firstSample, sample).map((path) => path - begin),
    };
    from = to;
  }
}

/** All tokens of a micro-batch's samples, and after which packed token each comes. */
export function* targetsOf(
  { samples, pathOf }: MicroBatch<Replied>,
  tokenAt: (path: number, i: number) => number,
): Generator<Target> {
  for (const [s, { prompt, completion }] of samples.entries()) {
    for (let t = 0; t < completion.length; t++) yield [tokenAt(pathOf[s]!, prompt.length - 1 + t), completion[t]!];
  }
}

/** What a loss looks at of samples, token after token. A sequence is one reply. */
export function tokenColumns(samples: readonly Sample[]) {
  const tokens = samples.reduce((sum, { completion }) => sum + completion.length, 0);
  const columns = {
    oldLogprobs: new Float32Array(tokens),
    trainerLogprobs: new Float32Array(tokens),
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
    if (sample.trainerLogprobs) columns.trainerLogprobs.set(sample.trainerLogprobs, at);
    if (sample.referenceLogprobs) columns.referenceLogprobs.set(sample.referenceLogprobs, at);
    columns.advantages.fill(sample.advantage, at, end);
    columns.weights.fill(sample.weight, at, end);
    columns.sequenceOf.fill(s, at, end);
    at = end;
  }
  return columns;
}
