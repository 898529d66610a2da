// Numbers as they lie in a GGUF file, to where the family's own files have them, and back.

import type { ModelConfig } from '../config/model-config.ts';
import type { GgufLayout } from './traits.ts';

/** From a GGUF file, in place. @param shape rows first */
export function fromGguf(
  numbers: Float32Array,
  shape: readonly number[],
  layout: GgufLayout,
  config: ModelConfig,
): void {
  switch (layout) {
    case 'from_zero':
      // Rounded once more: what was counted from 1 in single precision has lost its last bits there.
      for (let i = 0; i < numbers.length; i++) numbers[i] = numbers[i]! - 1;
      return;
    case 'paired_rows':
      eachHead(numbers, shape, config, (row, half) => 2 * (row % half) + Math.floor(row / half));
      return;
    default:
      layout satisfies never;
  }
}

/** To a GGUF file, as a copy. @param shape rows first */
export function toGguf(
  own: Float32Array,
  shape: readonly number[],
  layout: GgufLayout,
  config: ModelConfig,
): Float32Array {
  const numbers = own.slice();
  switch (layout) {
    case 'from_zero':
      return numbers.map((x) => x + 1);
    case 'paired_rows':
      eachHead(numbers, shape, config, (row, half) => (row % 2) * half + Math.floor(row / 2));
      return numbers;
    default:
      return layout satisfies never;
  }
}

/** Puts row `from(row)` of each head in the place of `row`. */
function eachHead(
  numbers: Float32Array,
  [rows]: readonly number[],
  { headDim }: ModelConfig,
  from: (row: number, half: number) => number,
): void {
  const width = numbers.length / rows!;
  const head = new Float32Array(headDim * width);
  for (let at = 0; at < numbers.length; at += head.length) {
    head.set(numbers.subarray(at, at + head.length));
    for (let row = 0; row < headDim; row++) {
      const source = from(row, headDim / 2) * width;
      numbers.set(head.subarray(source, source + width), at + row * width);
    }
  }
}

/** A matrix [rows, columns] turned to [columns, rows]. */
export function transposed(numbers: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(numbers.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = numbers[row * columns + column]!;
  return turned;
}
