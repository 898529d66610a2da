// A pass over all parameters is several runs of a few of them each.

/** Shapes of tensors by name, in their order. */
export type TensorShapes = ReadonlyMap<string, readonly number[]>;

/** Most numbers of one run: the binding to the runtime copies all outputs, whatever they are written into. */
const LARGEST_GROUP = 2 ** 24;

/** Cuts the tensors into neighbours that are computed in one run. */
export function tensorGroups(shapes: TensorShapes): readonly TensorShapes[] {
  const groups: Map<string, readonly number[]>[] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const [name, shape] of shapes) {
    const count = shape.reduce((a, b) => a * b, 1);
    if (size + count > LARGEST_GROUP) {
      groups.push(new Map());
      size = 0;
    }
    groups.at(-1)!.set(name, shape);
    size += count;
  }
  return groups;
}
