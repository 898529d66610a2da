// For tests: models of the fixtures, and their loss and gradients through the scoring graph.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Graph, gradients, mul, neg, serialize, sum } from '@ludic/graph';
import { float32, floats, type HostTensor, type Runtime } from '@ludic/runtime';
import { createRuntime } from '@ludic/runtime/node';
import { type ModelConfig, readCheckpoint, readSafetensors, toFloat32 } from '../src/index.ts';
import { buildScoring, packTree, type ScoringOptions, scoringInputs, type Target, TokenNode } from '../src/internal.ts';
import { openModelFolder } from '../src/node.ts';

export const runtime = await createRuntime({ device: 'cpu', threads: 1 });
export const folder = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

export async function load(name: string) {
  const { config, parameters } = await readCheckpoint(await openModelFolder(folder(name)));
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(`${folder(name)}/golden.safetensors`)));
  const golden = (tensor: string) => toFloat32(tensors.get(tensor)!);
  const { data, shape } = tensors.get('input_ids')!;
  const ids = Int32Array.from(new BigInt64Array(data.slice().buffer), Number);
  const [rows, length] = shape as [number, number];
  const sequences = Array.from({ length: rows }, (_, row) => ids.slice(row * length, (row + 1) * length));
  return { config, parameters, golden, sequences, tensors };
}

/** How many tokens all sequences share, and each shares with its neighbours. */
interface TreeShape {
  readonly prefixLength: number;
  readonly promptLengths?: readonly number[];
}

/** Loss and gradients of the mean next-token loss over all sequences, `prefix` tokens of them shared. */
export async function lossAndGradients(
  config: ModelConfig,
  parameters: Record<string, HostTensor>,
  sequences: readonly Int32Array[],
  { prefixLength, promptLengths }: TreeShape,
  { on = runtime, ...options }: ScoringOptions & { readonly on?: Runtime } = {},
) {
  const graph = new Graph('test');
  const tree = new TokenNode();
  const paths = sequences.map((ids, i) => {
    const end = tree.follow(ids);
    return { end, prompt: promptLengths && end.ancestor(promptLengths[i]!) };
  });
  const packed = packTree(config, paths, paths[0]!.end.ancestor(prefixLength));
  const scores = buildScoring(graph, config, packed.levels, options);
  const loss = neg(sum(mul(scores.logprobs, graph.input('weights', 'float32', scores.logprobs.shape))));
  graph.output('loss', loss);
  const values = [...scores.parameters];
  const found = gradients(
    loss,
    values.map(([, value]) => value),
  );
  for (const [i, [name]] of values.entries()) graph.output(`grad.${name}`, found[i]!);
  const program = await on.load(serialize(graph));
  const targets = sequences.flatMap((sequence, row) =>
    Array.from(sequence.subarray(1), (id, i): Target => [packed.tokenAt(row, i), id]),
  );
  const count = targets.length;
  const outputs = await program.run({
    ...parameters,
    ...packed.inputs,
    ...scoringInputs(config, targets),
    weights: float32(new Float32Array(count).fill(1 / count), [count]),
  });
  await program.dispose();
  return { levels: packed.levels, output: (name: string) => floats(outputs[name] as HostTensor) };
}

export const largestDifference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
export const largest = (a: Float32Array) => a.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
