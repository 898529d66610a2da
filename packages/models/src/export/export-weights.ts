// The weights of an exported model: constants of the graph, in the numbers that the file is to hold. Whatever they are
// stored in, everything but matrix products is computed in float32.

import { cast, type Graph, gatherRows, gemm, type Value } from '@ludic/graph';
import { float16Bytes, LARGEST_FLOAT16, packedLinear } from '@ludic/graph/internal';
import { floats, type HostTensor } from '@ludic/runtime';
import { sidesOf, type Weights } from '../architectures/family.ts';
import { tensorsOf } from '../architectures/registry.ts';
import { weightsOf, withBias } from '../architectures/weights.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { BLOCK, chooseSteps, type Matrix, packNibbles } from './quantize.ts';

/** As transformers.js names them: float32, float16, and four bits in linear layers with float32 elsewhere. */
export const EXPORT_DTYPES = ['fp32', 'fp16', 'q4'] as const;
/** One of `EXPORT_DTYPES`. */
export type ExportDtype = (typeof EXPORT_DTYPES)[number];

/** @throws ModelError `bad_tensors` where a number is too large for float16 */
export function exportWeights(
  graph: Graph,
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
  dtype: ExportDtype,
): Weights {
  const single = remember((name) => graph.constant(floats(parameters[name]!), parameters[name]!.dims));
  switch (dtype) {
    case 'fp32':
      return weightsOf(config, single);
    case 'fp16':
      return halfWeights(graph, config, parameters);
    case 'q4':
      return fourBitWeights(graph, config, parameters, single);
    default:
      return dtype satisfies never;
  }
}

function halfWeights(graph: Graph, config: ModelConfig, parameters: Readonly<Record<string, HostTensor>>): Weights {
  const specs = tensorsOf(config);
  const half = remember((name) => {
    const { dims } = parameters[name]!;
    const data = floats(parameters[name]!);
    if (data.some((x) => Math.abs(x) > LARGEST_FLOAT16)) {
      throw new ModelError(
        'bad_tensors',
        `${name} holds numbers above ${LARGEST_FLOAT16}, the largest that fp16 can say. Export the model as fp32.`,
      );
    }
    return graph.deferred('float16', dims, () => float16Bytes(data));
  });
  const tensor = (name: string) => cast(half(name), 'float32');
  return {
    tensor,
    rows: (name, indices) => cast(gatherRows(half(name), indices), 'float32'),
    linear(x, name) {
      const transposeB = specs.get(`${name}.weight`)!.linear !== 'in_out';
      const product = gemm(cast(x, 'float16'), half(`${name}.weight`), { transposeB });
      return withBias(cast(product, 'float32'), specs.has(`${name}.bias`) ? tensor(`${name}.bias`) : undefined);
    },
  };
}

function fourBitWeights(
  graph: Graph,
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
  tensor: (name: string) => Value,
): Weights {
  const specs = tensorsOf(config);
  return {
    tensor,
    rows: (name, indices) => gatherRows(tensor(name), indices),
    linear(x, name) {
      const matrix = matrixOf(parameters[`${name}.weight`]!, specs.get(`${name}.weight`)!.linear);
      const blocks = Math.ceil(matrix.in / BLOCK);
      const steps = chooseSteps(matrix);
      const product = packedLinear(x, {
        out: matrix.out,
        in: matrix.in,
        bits: 4,
        blockSize: BLOCK,
        packed: graph.deferred('uint8', [matrix.out, blocks, BLOCK / 2], () => packNibbles(matrix, steps)),
        scales: graph.constant(steps.scales, [matrix.out, blocks]),
        zeroPoints: graph.constant(steps.zeroPoints, [matrix.out, Math.ceil(blocks / 2)]),
      });
      return withBias(product, specs.has(`${name}.bias`) ? tensor(`${name}.bias`) : undefined);
    },
  };
}

function matrixOf(weight: HostTensor, order: Matrix['order'] = 'out_in'): Matrix {
  const [out, width] = sidesOf({ shape: weight.dims, linear: order });
  return { data: floats(weight), out, in: width, order };
}

/** A weight that is used twice, as tied embeddings are, is one constant. */
function remember(make: (name: string) => Value): (name: string) => Value {
  const known = new Map<string, Value>();
  return (name) => {
    const value = known.get(name) ?? make(name);
    known.set(name, value);
    return value;
  };
}
