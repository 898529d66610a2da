// The graph under construction: values with a type and a shape, nodes that make them, and for each node the rule that
// turns gradients of its outputs into gradients of its inputs. Building the same node twice gives the same value.

import { LudicError } from '@ludic/io';
import { type Dimension, formatShape, type Shape } from './dimension.ts';
import { DATA_TYPES, type DataType } from './onnx/data-type.ts';

/** A number is a float attribute; whole numbers say so. */
export type Attribute = number | string | { readonly int: number } | { readonly ints: readonly number[] };
export type Attributes = Readonly<Record<string, Attribute>>;

/** `shape`, `type`: operands do not fit; `gradient`: none exists; `name`: a name is taken or belongs to another graph. */
export type GraphErrorCode = 'shape' | 'type' | 'gradient' | 'name';

/** What is wrong with a graph, found while it is built: a fault of the program that builds it. */
export class GraphError extends LudicError<GraphErrorCode> {
  override readonly name = 'GraphError';

  override get explained(): boolean {
    return false;
  }
}

/** A tensor of a graph that is being built: a type and a shape, no numbers. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly type: DataType;
  readonly shape: Shape;
  /** The node that makes it; none for inputs and constants. */
  readonly node?: Node;
}

/**
 * Gradients of a node's inputs (or of its `gradientOf`), given those of its outputs and the outputs themselves; undefined
 * where there is none.
 */
export type GradientRule = (
  outputGradients: readonly (Value | undefined)[],
  outputs: readonly Value[],
) => readonly (Value | undefined)[];

export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
  readonly gradient?: GradientRule;
  /** The values that the rule gives gradients of, where it reaches back over several nodes; else the inputs. */
  readonly gradientOf?: readonly Value[];
}

export interface NodeOptions {
  readonly attributes?: Attributes;
  /** '' is ONNX's own operator set. */
  readonly domain?: '' | 'com.microsoft';
  readonly gradient?: GradientRule;
  readonly gradientOf?: readonly Value[];
}

/** What is known of a value before there is one. */
type Described = Pick<Value, 'type' | 'shape'>;

/** The numbers of a constant. */
export type Numbers = Float32Array | Int32Array | BigInt64Array | Uint8Array;
/** They themselves, or what makes their bytes (little endian) when the graph is written. */
export type ConstantData = Numbers | (() => Uint8Array);

/** A graph that is being built. Outputs are set with `output`; `serialize` makes an ONNX model of it. */
export class Graph {
  readonly name: string;
  readonly inputs: Value[] = [];
  readonly outputs = new Map<string, Value>();
  readonly nodes: Node[] = [];
  readonly constants = new Map<Value, ConstantData>();
  /** Results of what is computed again for its gradient, and how to build it again given that gradient (see checkpointed.ts). */
  readonly checkpointed = new Map<Value, (gradient: Value) => Value>();
  readonly #known = new Map<string, readonly Value[]>();
  #count = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** A tensor given at every run. Dimensions that are names are known then. */
  input(name: string, type: DataType, shape: Shape): Value {
    if (this.inputs.some((input) => input.name === name)) throw new GraphError('name', `two inputs are named ${name}`);
    const value: Value = { graph: this, name, type, shape };
    this.inputs.push(value);
    return value;
  }

  /** A tensor that is part of the graph. */
  constant(data: Numbers, shape: readonly number[]): Value {
    const size = shape.reduce((a, b) => a * b, 1);
    if (data.length !== size)
      throw new GraphError('shape', `constant: ${data.length} numbers for ${formatShape(shape)}`);
    const type = typeOf(data);
    const key = size <= 64 ? `constant ${type} ${shape} ${Array.from(data as ArrayLike<number | bigint>)}` : undefined;
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known) return known[0]!;
    const value = this.#newConstant(type, shape, data);
    if (key !== undefined) this.#known.set(key, [value]);
    return value;
  }

  /** A large tensor that is part of the graph and need not be in memory: `read` gives its bytes when they are written. */
  deferred(type: DataType, shape: readonly number[], read: () => Uint8Array): Value {
    const length = shape.reduce((a, b) => a * b, DATA_TYPES[type].size);
    return this.#newConstant(type, shape, () => {
      const bytes = read();
      if (bytes.length !== length)
        throw new GraphError('shape', `constant: ${bytes.length} bytes for ${type} ${formatShape(shape)}`);
      return bytes;
    });
  }

  #newConstant(type: DataType, shape: readonly number[], data: ConstantData): Value {
    const value: Value = { graph: this, name: `constant_${this.#count++}`, type, shape };
    this.constants.set(value, data);
    return value;
  }

  scalar(value: number): Value {
    return this.constant(Float32Array.of(value), []);
  }

  integers(values: readonly number[]): Value {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** What an operator with one output makes of the inputs. */
  node(op: string, inputs: readonly Value[], output: Described, options?: NodeOptions): Value {
    return this.nodeWith(op, inputs, [output], options)[0]!;
  }

  /** The same for an operator with several outputs. */
  nodeWith(
    op: string,
    inputs: readonly Value[],
    outputs: readonly Described[],
    { attributes = {}, domain = '', ...rules }: NodeOptions = {},
  ): readonly Value[] {
    for (const input of inputs) {
      if (input.graph !== this) throw new GraphError('name', `${op}: ${input.name} belongs to another graph`);
    }
    const key = `${domain}.${op}(${inputs.map((input) => input.name)})${JSON.stringify(attributes)}`;
    const known = this.#known.get(key);
    if (known) return known;
    const id = this.#count++;
    const values: Value[] = [];
    const node: Node = { op, domain, inputs, attributes, outputs: values, ...rules };
    for (const [i, { type, shape }] of outputs.entries()) {
      values.push({ graph: this, name: `${op}_${id}${i ? `_${i}` : ''}`, type, shape, node });
    }
    this.nodes.push(node);
    this.#known.set(key, values);
    return values;
  }

  output(name: string, value: Value): void {
    if (this.outputs.has(name)) throw new GraphError('name', `two outputs are named ${name}`);
    this.outputs.set(name, value);
  }
}

function typeOf(data: Numbers): DataType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Uint8Array ? 'uint8' : 'int64';
}

export function shapeError(op: string, a: Value, b: Value, why: string): GraphError {
  return new GraphError('shape', `${op}: ${formatShape(a.shape)} and ${formatShape(b.shape)} ${why}`);
}

/** The dimension at `axis`, counted from the end where negative. */
export function dimensionAt(value: Value, axis: number): Dimension {
  const dimension = value.shape.at(axis);
  if (dimension === undefined) {
    throw new GraphError('shape', `${value.name}: ${formatShape(value.shape)} has no axis ${axis}`);
  }
  return dimension;
}
