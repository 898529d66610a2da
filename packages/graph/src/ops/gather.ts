// Operators that pick by index. A gradient of a pick is a scatter with addition, or, where nothing is picked twice,
// another pick.

import { formatShape, multiplyDimensions } from '../dimension.ts';
import { dimensionAt, type GradientRule, GraphError, type Value } from '../graph.ts';
import { expand } from './broadcast.ts';
import { mul } from './elementwise.ts';
import { reshape } from './reshape.ts';
import { zerosLike } from './shape.ts';

function checkIndices(op: string, indices: Value): void {
  if (indices.type !== 'int32' && indices.type !== 'int64') {
    throw new GraphError('type', `${op}: indices are int32 or int64, not ${indices.type}`);
  }
}

function pick(x: Value, indices: Value, gradient?: GradientRule): Value {
  checkIndices('gather', indices);
  const options = { attributes: { axis: { int: 0 } }, ...(gradient && { gradient }) };
  const shape = [...indices.shape, ...x.shape.slice(1)];
  return x.graph.node('Gather', [x, indices], { type: x.type, shape }, options);
}

/** Of ScatterElements: along the first axis, with addition. */
const ADDING = { axis: { int: 0 }, reduction: 'add' } as const;

/** Adds rows `updates` [n, width] onto rows `indices` [n] of `data` [rows, width]; indices may repeat. */
function scatterAddRows(data: Value, indices: Value, updates: Value): Value {
  const width = updates.shape[1]!;
  const index = expand(reshape(indices, [...indices.shape, 1]), [1, width]);
  return data.graph.node('ScatterElements', [data, index, updates], data, { attributes: ADDING });
}

/** Rows of x [rows, width] by `indices` [n] → [n, width]. The gradient adds up rows that were picked more than once. */
export function gatherRows(x: Value, indices: Value): Value {
  if (x.shape.length !== 2 || indices.shape.length !== 1) {
    throw new GraphError(
      'shape',
      `gatherRows: ${formatShape(x.shape)} by ${formatShape(indices.shape)}; [rows, width] by [n] expected`,
    );
  }
  return pick(x, indices, ([dy]) => {
    const staticShape = x.shape.every((dimension) => typeof dimension === 'number');
    const zeros = staticShape ? expand(x.graph.constant(Float32Array.of(0), [1, 1]), x.shape) : zerosLike(x);
    return [scatterAddRows(zeros, indices, dy!), undefined];
  });
}

/** Elements of x [n] by `indices` [m] → [m]. */
export function gatherElements(x: Value, indices: Value): Value {
  return pick(x, indices, ([dy]) => [scatterAdd(zerosLike(x), indices, dy!), undefined]);
}

/** data [n] with `updates` [m] added at `indices` [m]. The gradient of the updates is a pick. */
export function scatterAdd(data: Value, indices: Value, updates: Value): Value {
  checkIndices('scatterAdd', indices);
  const gradient: GradientRule = ([dy]) => [dy!, undefined, gatherElements(dy!, indices)];
  return data.graph.node('ScatterElements', [data, indices, updates], data, { attributes: ADDING, gradient });
}

/** Where packed tokens sit when they are laid out as padded rows. */
export interface RowPadding {
  /** [rows, steps] int32: the packed token of each slot; any token where the slot is padding. */
  readonly padIndex: Value;
  /** [tokens] int32: the flat slot (row · steps + step) of each packed token. */
  readonly unpadIndex: Value;
  /** [rows, steps, 1] float32: 1 where the slot holds a token, 0 where it is padding. */
  readonly padMask: Value;
}

/**
 * Lays packed tokens [tokens, width] out as padded rows [rows, steps, width]. Padding slots hold an arbitrary token, so
 * nothing that counts may depend on them: then the gradient is the way back, `unpadRows`.
 */
export function padRows(x: Value, layout: RowPadding): Value {
  return pick(x, layout.padIndex, ([dy]) => [unpadRows(dy!, layout), undefined]);
}

/** The way back: padded rows [rows, steps, width] to packed tokens [tokens, width]. */
export function unpadRows(x: Value, layout: RowPadding): Value {
  const [rows, steps, width] = x.shape;
  if (x.shape.length !== 3 || width === undefined) {
    throw new GraphError('shape', `unpadRows: [rows, steps, width] expected, not ${formatShape(x.shape)}`);
  }
  const flat = reshape(x, [multiplyDimensions(rows!, steps!), width]);
  // The gradient of a padding slot is zero; the token that happens to stand there must not leak into it.
  const gradient: GradientRule = ([dy]) => [
    reshape(mul(pick(dy!, layout.padIndex), layout.padMask), flat.shape),
    undefined,
  ];
  return pick(flat, layout.unpadIndex, gradient);
}

/** Slices of x along `axis`, in whose place come the dimensions of `indices`. Without a gradient: for graphs that only compute. */
export function take(x: Value, indices: Value, axis: number): Value {
  checkIndices('take', indices);
  const shape = x.shape.flatMap((size, i) => (i === axis ? indices.shape : [size]));
  return x.graph.node('Gather', [x, indices], { type: x.type, shape }, { attributes: { axis: { int: axis } } });
}

/** The slices of x at `indices` [n, k] int64, k leading indices each → [n, rest of x]. Without a gradient. */
export function gatherND(x: Value, indices: Value): Value {
  const depth = dimensionAt(indices, 1) as number;
  const shape = [dimensionAt(indices, 0), ...x.shape.slice(depth)];
  return x.graph.node('GatherND', [x, indices], { type: x.type, shape });
}

/** x with `slices` [n, rest of x] put at `indices` [n, k] int64, none of them twice. Without a gradient. */
export const scatterND = (x: Value, indices: Value, slices: Value): Value =>
  x.graph.node('ScatterND', [x, indices, slices], x);
