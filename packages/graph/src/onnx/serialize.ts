// A graph as the bytes of an ONNX model. Only what the outputs need is written. Field numbers are those of onnx.proto3.

import type { Shape } from '../dimension.ts';
import type { Attribute, ConstantData, Graph, Node, Value } from '../graph.ts';
import { DATA_TYPES, type DataType } from './data-type.ts';
import { ProtobufMessage } from './protobuf.ts';

const IR_VERSION = 10;
const OPSET_VERSION = 21;
const MICROSOFT_OPSET_VERSION = 1;

const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;
const LOCATION_EXTERNAL = 1;

/** Where a constant lies outside of the model's own file. */
export interface ExternalPlace {
  readonly file: string;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  readonly length: number;
}

/** ONNX ModelProto bytes of the graph. */
export const serialize = (graph: Graph): Uint8Array => modelMessage(graph).bytes();

/** The constants that the graph's outputs need, in the order in which they were made. */
export function constantsOf(graph: Graph): readonly Value[] {
  const { used } = reachable(graph);
  return [...graph.constants.keys()].filter((value) => used.has(value));
}

/** Bytes of a constant. */
export const byteLength = ({ type, shape }: Value): number =>
  shape.reduce<number>((size, dimension) => size * Number(dimension), DATA_TYPES[type].size);

/** ONNX ModelProto; constants that have a place outside are only pointed at. */
export function modelMessage(graph: Graph, places: ReadonlyMap<Value, ExternalPlace> = new Map()): ProtobufMessage {
  const { nodes, used } = reachable(graph);
  const names = outputNames(graph);
  const nameOf = (value: Value) => names.get(value) ?? value.name;

  const body = new ProtobufMessage();
  for (const node of resultsLast(nodes)) body.message(1, nodeMessage(node, nameOf));
  for (const [name, value] of graph.outputs) {
    if (nameOf(value) !== name) body.message(1, identityMessage(nameOf(value), name));
  }
  body.string(2, graph.name);
  for (const [value, data] of graph.constants) {
    if (used.has(value)) body.message(5, tensorMessage(value, data, places.get(value)));
  }
  for (const input of graph.inputs) body.message(11, valueMessage(input.name, input.type, input.shape));
  for (const [name, { type, shape }] of graph.outputs) body.message(12, valueMessage(name, type, shape));
  // Shapes between inputs and outputs as well: ONNX Runtime would work out most of them, but it makes up a name for each
  // size that it cannot know, and looks through all such names for the next. A deep network then takes minutes to load.
  for (const { outputs } of nodes) {
    for (const value of outputs) {
      if (!names.has(value)) body.message(13, valueMessage(value.name, value.type, value.shape));
    }
  }

  const model = new ProtobufMessage().int(1, IR_VERSION).string(2, 'ludic').message(7, body);
  model.message(8, new ProtobufMessage().string(1, '').int(2, OPSET_VERSION));
  model.message(8, new ProtobufMessage().string(1, 'com.microsoft').int(2, MICROSOFT_OPSET_VERSION));
  return model;
}

function reachable(graph: Graph): { nodes: Node[]; used: Set<Value> } {
  const used = new Set<Value>(graph.outputs.values());
  const nodes = graph.nodes
    .toReversed()
    .filter((node) => {
      if (!node.outputs.some((output) => used.has(output))) return false;
      for (const input of node.inputs) used.add(input);
      return true;
    })
    .reverse();
  return { nodes, used };
}

/**
 * Nodes that nothing depends on come last, and of these the one that can run earliest at the very end. ONNX Runtime runs
 * the last such node first, with all that it needs, then the one before: so each gradient is computed as soon as it can
 * be, and what it is computed from is forgotten. In the order of building, the gradients of the weights would all wait
 * until the backward pass is over, and the whole pass would stay in memory.
 */
function resultsLast(nodes: readonly Node[]): readonly Node[] {
  const needed = new Set(nodes.flatMap(({ inputs }) => inputs));
  const isResult = (node: Node) => !node.outputs.some((output) => needed.has(output));
  const place = new Map(nodes.map((node, i) => [node, i]));
  const ready = ({ inputs }: Node) =>
    inputs.reduce((latest, { node }) => Math.max(latest, node ? place.get(node)! : -1), -1);
  const results = nodes.filter(isResult).sort((a, b) => ready(b) - ready(a));
  return [...nodes.filter((node) => !isResult(node)), ...results];
}

/** A value that is an output takes the output's name; inputs, constants and second names get an Identity node. */
function outputNames(graph: Graph): Map<Value, string> {
  const names = new Map<Value, string>();
  for (const [name, value] of graph.outputs) if (value.node && !names.has(value)) names.set(value, name);
  return names;
}

function nodeMessage(node: Node, nameOf: (value: Value) => string): ProtobufMessage {
  const message = new ProtobufMessage();
  for (const input of node.inputs) message.string(1, nameOf(input));
  for (const output of node.outputs) message.string(2, nameOf(output));
  message.string(3, node.outputs[0]!.name);
  message.string(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes))
    message.message(5, attributeMessage(name, attribute));
  message.string(7, node.domain);
  return message;
}

function identityMessage(from: string, to: string): ProtobufMessage {
  return new ProtobufMessage().string(1, from).string(2, to).string(3, `${to}_identity`).string(4, 'Identity');
}

function attributeMessage(name: string, attribute: Attribute): ProtobufMessage {
  const message = new ProtobufMessage().string(1, name);
  if (typeof attribute === 'number') return message.float(2, attribute).int(20, ATTRIBUTE_FLOAT);
  if (typeof attribute === 'string') return message.string(4, attribute).int(20, ATTRIBUTE_STRING);
  if ('int' in attribute) return message.int(3, attribute.int).int(20, ATTRIBUTE_INT);
  for (const int of attribute.ints) message.int(8, int);
  return message.int(20, ATTRIBUTE_INTS);
}

function tensorMessage(value: Value, data: ConstantData, place: ExternalPlace | undefined): ProtobufMessage {
  const message = new ProtobufMessage();
  for (const size of value.shape) message.int(1, Number(size));
  message.int(2, DATA_TYPES[value.type].code).string(8, value.name);
  if (!place) return message.later(9, byteLength(value), () => bytesOf(data));
  for (const [key, text] of [
    ['location', place.file],
    ['offset', `${place.offset}`],
    ['length', `${place.length}`],
  ] as const) {
    message.message(13, new ProtobufMessage().string(1, key).string(2, text));
  }
  return message.int(14, LOCATION_EXTERNAL);
}

/** The bytes of a constant, made if need be. */
export const bytesOf = (data: ConstantData): Uint8Array =>
  typeof data === 'function' ? data() : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function valueMessage(name: string, type: DataType, shape: Shape): ProtobufMessage {
  const dimensions = new ProtobufMessage();
  for (const size of shape) {
    dimensions.message(
      1,
      typeof size === 'number' ? new ProtobufMessage().int(1, size) : new ProtobufMessage().string(2, size),
    );
  }
  const tensor = new ProtobufMessage().int(1, DATA_TYPES[type].code).message(2, dimensions);
  return new ProtobufMessage().string(1, name).message(2, new ProtobufMessage().message(1, tensor));
}
