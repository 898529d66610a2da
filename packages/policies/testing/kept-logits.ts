// Other habits of exported graphs, for tests: logits after the last token alone, or after as many as the input
// num_logits_to_keep says. What is added is a second GraphProto, which a reader of protobuf merges with the first.

/** @param onnx bytes of a graph with the output `logits` [row, token, vocabulary] */
export function keepingLogits(onnx: Uint8Array, habit: 'last' | 'input'): Uint8Array {
  const renamed = Buffer.from(onnx);
  const at = renamed.indexOf(Buffer.from([...text(2, 'logits')]));
  if (at < 0) throw new Error('no node of this graph has the output logits');
  renamed.set(text(2, 'logitz'), at);
  const starts =
    habit === 'last'
      ? [constant('starts', -1n)]
      : [
          // ValueInfoProto with a tensor of int64 (7) and no dimensions.
          field(11, [...text(1, 'num_logits_to_keep'), ...field(2, field(1, [...integer(1, 7), ...field(2, [])]))]),
          constant('one', 1n),
          node('Reshape', ['num_logits_to_keep', 'one'], 'kept'),
          node('Neg', ['kept'], 'starts'),
        ];
  const slice = node('Slice', ['logitz', 'starts', 'ends', 'axes'], 'logits');
  const graph = [...starts, constant('ends', 2n ** 62n), constant('axes', 1n), slice].flat();
  return Buffer.concat([renamed, Buffer.from(field(7, graph))]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}
const field = (number: number, content: readonly number[]) => [
  ...varint((number << 3) | 2),
  ...varint(content.length),
  ...content,
];
const text = (number: number, value: string) => field(number, [...new TextEncoder().encode(value)]);
const integer = (number: number, value: number) => [...varint(number << 3), ...varint(value)];
const node = (op: string, inputs: readonly string[], output: string) =>
  field(1, [...inputs.flatMap((input) => text(1, input)), ...text(2, output), ...text(4, op)]);
/** A TensorProto [1] of int64. */
const constant = (name: string, value: bigint) =>
  field(5, [
    ...integer(1, 1),
    ...integer(2, 7),
    ...text(8, name),
    ...field(9, [...new Uint8Array(BigInt64Array.of(value).buffer)]),
  ]);
