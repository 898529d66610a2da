// For tests: float16 on the CPU. ONNX Runtime multiplies float16 there by casting to float32, and takes away the casts to
// float16 and back that then follow each other: nothing is rounded. This runtime puts a copy between them, so that inputs
// and results of products are rounded as a GPU rounds them.

import type { Runtime } from '../src/index.ts';

/** `runtime`, in which graphs round wherever they cast to float16 or multiply it. */
export const roundingFloat16 = (runtime: Runtime): Runtime => ({
  ...runtime,
  load: (model, options) => runtime.load(withCopies(model), options),
});

/** A field of a protobuf message: its number, its bytes with tag and length, and its content where it has a length. */
interface Field {
  readonly number: number;
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;
const GRAPH_VALUE = 13;
const [NODE_INPUT, NODE_OUTPUT, NODE_OP, NODE_ATTRIBUTE] = [1, 2, 4, 5];
const ATTRIBUTE_INT = 3;
const FLOAT16 = 10;

function withCopies(model: Uint8Array): Uint8Array {
  return joined(
    [...fields(model)].map(({ number, whole, content }) =>
      number === MODEL_GRAPH ? message(MODEL_GRAPH, graphWithCopies(content)) : whole,
    ),
  );
}

/** Every node that gives float16 (casts, and products of what was cast) gets a copy behind it. */
function graphWithCopies(graph: Uint8Array): Uint8Array {
  const halves = new Set<string>();
  return joined(
    [...fields(graph)].flatMap(({ number, whole, content }) => {
      // What values are is said of them by name, which the copies keep; it may be left out.
      if (number === GRAPH_VALUE) return [];
      if (number !== GRAPH_NODE) return [whole];
      const parts = [...fields(content)];
      const texts = (wanted: number) =>
        parts.filter((part) => part.number === wanted).map((part) => text(part.content));
      const [op] = texts(NODE_OP);
      const multiplies = (op === 'Gemm' || op === 'MatMul') && halves.has(texts(NODE_INPUT)[0]!);
      if (!multiplies && !(op === 'Cast' && castsTo(parts) === FLOAT16)) return [whole];
      const [output] = texts(NODE_OUTPUT);
      halves.add(output!);
      const renamed = parts.map((part) =>
        part.number === NODE_OUTPUT ? message(NODE_OUTPUT, bytes(`${output}_exact`)) : part.whole,
      );
      const axis = [message(1, bytes('axis')), Uint8Array.of(ATTRIBUTE_INT << 3, 0), Uint8Array.of(0xa0, 0x01, 2)];
      const copy = [
        message(NODE_INPUT, bytes(`${output}_exact`)),
        message(NODE_OUTPUT, bytes(output!)),
        message(NODE_OP, bytes('Concat')),
        message(NODE_ATTRIBUTE, joined(axis)),
      ];
      return [message(GRAPH_NODE, joined(renamed)), message(GRAPH_NODE, joined(copy))];
    }),
  );
}

function castsTo(node: readonly Field[]): number {
  for (const { number, content } of node) {
    if (number !== NODE_ATTRIBUTE) continue;
    // The field `i` is a small number: a tag and one byte.
    for (const { number: part, whole } of fields(content)) if (part === ATTRIBUTE_INT) return whole[1]!;
  }
  return 0;
}

function* fields(whole: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = whole[at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < whole.length) {
    const begin = at;
    const tag = varint();
    const wire = tag & 7;
    let content = at;
    if (wire === 0) varint();
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = varint();
      content = at;
      at += length;
    } else throw new Error(`wire type ${wire} in an ONNX file`);
    yield { number: tag >> 3, whole: whole.subarray(begin, at), content: whole.subarray(content, at) };
  }
}

function message(number: number, content: Uint8Array): Uint8Array {
  const head = [(number << 3) | 2];
  let length = content.length;
  for (; length >= 128; length = Math.floor(length / 128)) head.push((length % 128) | 128);
  return joined([Uint8Array.from([...head, length]), content]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const text = (content: Uint8Array) => new TextDecoder().decode(content);
const bytes = (content: string) => new TextEncoder().encode(content);
