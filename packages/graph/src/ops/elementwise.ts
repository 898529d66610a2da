// Operators that work element by element, with broadcasting: their gradients sum over the stretched axes.

import { broadcast, type Shape } from '../dimension.ts';
import { type GradientRule, GraphError, shapeError, type Value } from '../graph.ts';
import { DATA_TYPES, type DataType } from '../onnx/data-type.ts';
import { sumTo } from './broadcast.ts';

type BinaryRule = (dy: Value, a: Value, b: Value, y: Value) => readonly [Value | undefined, Value | undefined];

function sameTypes(op: string, a: Value, b: Value): void {
  if (a.type !== b.type) throw new GraphError('type', `${op}: ${a.type} and ${b.type} do not mix`);
}

function broadcastShape(op: string, a: Value, b: Value): Shape {
  const shape = broadcast(a.shape, b.shape);
  if (!shape) throw shapeError(op, a, b, 'do not broadcast');
  return shape;
}

function binary(op: string, a: Value, b: Value, rule: BinaryRule): Value {
  sameTypes(op, a, b);
  const gradient: GradientRule = ([dy], [y]) => {
    const [da, db] = rule(dy!, a, b, y!);
    return [da && sumTo(da, a.shape), db && sumTo(db, b.shape)];
  };
  return a.graph.node(op, [a, b], { type: a.type, shape: broadcastShape(op, a, b) }, { gradient });
}

function unary(op: string, x: Value, rule: (dy: Value, x: Value, y: Value) => Value): Value {
  if (x.type !== 'float32') throw new GraphError('type', `${op}: float32 expected, not ${x.type}`);
  return x.graph.node(op, [x], x, { gradient: ([dy], [y]) => [rule(dy!, x, y!)] });
}

function comparison(op: string, a: Value, b: Value): Value {
  sameTypes(op, a, b);
  return a.graph.node(op, [a, b], { type: 'bool', shape: broadcastShape(op, a, b) });
}

/** a + b, element by element; sizes of 1 stretch, as for all binary operators here. */
export const add = (a: Value, b: Value): Value => binary('Add', a, b, (dy) => [dy, dy]);
/** a − b. */
export const sub = (a: Value, b: Value): Value => binary('Sub', a, b, (dy) => [dy, neg(dy)]);
/** a · b, element by element. */
export const mul = (a: Value, b: Value): Value => binary('Mul', a, b, (dy) => [mul(dy, b), mul(dy, a)]);
/** a / b, element by element. */
export const div = (a: Value, b: Value): Value =>
  binary('Div', a, b, (dy, _, __, y) => [div(dy, b), neg(div(mul(dy, y), b))]);

/** The smaller of two; at equality the gradient goes to `a`. */
export const minimum = (a: Value, b: Value): Value =>
  binary('Min', a, b, (dy) => {
    const second = cast(less(b, a), 'float32');
    return [sub(dy, mul(dy, second)), mul(dy, second)];
  });
/** The larger of two; at equality the gradient goes to `a`. */
export const maximum = (a: Value, b: Value): Value =>
  binary('Max', a, b, (dy) => {
    const second = cast(less(a, b), 'float32');
    return [sub(dy, mul(dy, second)), mul(dy, second)];
  });

/** −x. */
export const neg = (x: Value): Value => unary('Neg', x, (dy) => neg(dy));
/** eˣ. */
export const exp = (x: Value): Value => unary('Exp', x, (dy, _, y) => mul(dy, y));
/** The natural logarithm. */
export const log = (x: Value): Value => unary('Log', x, (dy) => div(dy, x));
/** √x. */
export const sqrt = (x: Value): Value => unary('Sqrt', x, (dy, _, y) => div(scale(dy, 0.5), y));
/** The hyperbolic tangent. */
export const tanh = (x: Value): Value => unary('Tanh', x, (dy, _, y) => sub(dy, mul(dy, mul(y, y))));
/** 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Value): Value => unary('Sigmoid', x, (dy, _, y) => mul(dy, sub(y, mul(y, y))));

/** a < b, bool. Without a gradient. */
export const less = (a: Value, b: Value): Value => comparison('Less', a, b);
/** a = b, bool. Without a gradient. */
export const equal = (a: Value, b: Value): Value => comparison('Equal', a, b);

/** The same numbers in another type; x itself where it has that type already. */
export function cast(x: Value, type: DataType): Value {
  if (x.type === type) return x;
  return x.graph.node('Cast', [x], { type, shape: x.shape }, { attributes: { to: { int: DATA_TYPES[type].code } } });
}

/** x times a number. */
export const scale = (x: Value, factor: number): Value => mul(x, x.graph.scalar(factor));

/** The value itself, a constant for the gradient. */
export const stopGradient = (x: Value): Value => x.graph.node('Identity', [x], x, { gradient: () => [undefined] });

/** √(2/π) and the weight of the cube in the tanh form of GELU. */
const GELU_SLOPE = Math.sqrt(2 / Math.PI);
const GELU_CUBE = 0.044715;

/** x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), the GELU of GPT-2 and Gemma, in one pass forward. */
export function geluTanh(x: Value): Value {
  const gradient: GradientRule = ([dy]) => {
    const square = mul(x, x);
    const one = x.graph.scalar(1);
    const t = tanh(scale(mul(x, add(scale(square, GELU_CUBE), one)), GELU_SLOPE));
    const inner = scale(add(scale(square, 3 * GELU_CUBE), one), GELU_SLOPE);
    // d gelu = (1 + t)/2 + x/2 · (1 − t²) · d inner
    const slope = add(add(one, t), mul(mul(x, sub(one, mul(t, t))), inner));
    return [scale(mul(dy!, slope), 0.5)];
  };
  return x.graph.node('FastGelu', [x], { type: 'float32', shape: x.shape }, { domain: 'com.microsoft', gradient });
}

/** x · sigmoid(x), the activation of SwiGLU, in one pass each way. */
export function silu(x: Value): Value {
  const gradient: GradientRule = ([dy], [y]) => {
    // d silu = s + y·(1 − s), with s the sigmoid.
    const s = sigmoid(x);
    return [mul(dy!, add(s, sub(y!, mul(y!, s))))];
  };
  const output = { type: 'float32', shape: x.shape } as const;
  return x.graph.node('QuickGelu', [x], output, { domain: 'com.microsoft', attributes: { alpha: 1 }, gradient });
}
