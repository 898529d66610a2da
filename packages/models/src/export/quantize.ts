// Four-bit weights: a matrix in blocks along its inputs, each number of a block rounded to one of sixteen even steps.
// The layout is that of ONNX Runtime's MatMulNBits.

/** Numbers that share a step. */
export const BLOCK = 32;
const LARGEST = 15;

/** A weight of a linear layer, stored [out, in], or [in, out]. */
export interface Matrix {
  readonly data: Float32Array;
  readonly out: number;
  readonly in: number;
  readonly order: 'out_in' | 'in_out';
}

/** The steps of every block: number = (nibble − zero point) · scale. */
export interface Steps {
  /** [out, blocks] */
  readonly scales: Float32Array;
  /** [out, ⌈blocks / 2⌉], the lower nibble first. */
  readonly zeroPoints: Uint8Array;
}

const blocksOf = (matrix: Matrix) => Math.ceil(matrix.in / BLOCK);

/**
 * The finest even steps, zero being one of them, that reach both ends of each block to within half a step: so every number is within half a step of
 * its own.
 */
export function chooseSteps(matrix: Matrix): Steps {
  const blocks = blocksOf(matrix);
  const scales = new Float32Array(matrix.out * blocks);
  const zeroPoints = new Uint8Array(matrix.out * Math.ceil(blocks / 2));
  for (let row = 0; row < matrix.out; row++) {
    for (let block = 0; block < blocks; block++) {
      let [low, high] = [0, 0];
      forBlock(matrix, row, block, (x) => {
        if (x < low) low = x;
        else if (x > high) high = x;
      });
      const { scale, zero } = finest(low, high);
      scales[row * blocks + block] = scale;
      putNibble(zeroPoints, row * Math.ceil(blocks / 2) * 2 + block, zero);
    }
  }
  return { scales, zeroPoints };
}

/** @param low at most 0, @param high at least 0 */
function finest(low: number, high: number): { scale: number; zero: number } {
  // An end within half a step of zero, where the other end has all steps, needs none of its own.
  if (-low <= high / LARGEST / 2) return { scale: high / LARGEST, zero: 0 };
  if (high <= -low / LARGEST / 2) return { scale: -low / LARGEST, zero: LARGEST };
  // Of the steps below and above zero there are `zero` and `LARGEST − zero`: the coarser side decides.
  const reach = (zero: number) => Math.max(-low / zero, high / (LARGEST - zero));
  const ideal = (LARGEST * -low) / (high - low);
  const [below, above] = [Math.floor(ideal), Math.ceil(ideal)];
  const zero = reach(below) <= reach(above) ? below : above;
  return { scale: reach(zero), zero };
}

/** [out, blocks, BLOCK / 2] bytes, the lower nibble first; what the last block of a row lacks is zero. */
export function packNibbles(matrix: Matrix, { scales, zeroPoints }: Steps): Uint8Array {
  const blocks = blocksOf(matrix);
  const packed = new Uint8Array((matrix.out * blocks * BLOCK) / 2);
  for (let row = 0; row < matrix.out; row++) {
    for (let block = 0; block < blocks; block++) {
      const at = row * blocks + block;
      const zero = nibbleAt(zeroPoints, row * Math.ceil(blocks / 2) * 2 + block);
      const inverse = scales[at] === 0 ? 0 : 1 / scales[at]!;
      packed.fill(zero | (zero << 4), (at * BLOCK) / 2, ((at + 1) * BLOCK) / 2);
      forBlock(matrix, row, block, (x, i) => {
        const nibble = Math.min(LARGEST, Math.max(0, Math.round(x * inverse) + zero));
        putNibble(packed, at * BLOCK + i, nibble);
      });
    }
  }
  return packed;
}

function forBlock(matrix: Matrix, row: number, block: number, visit: (x: number, i: number) => void): void {
  const { data, out, in: width, order } = matrix;
  const [start, step] = order === 'out_in' ? [row * width, 1] : [row, out];
  const first = block * BLOCK;
  const count = Math.min(BLOCK, width - first);
  for (let i = 0; i < count; i++) visit(data[start + (first + i) * step]!, i);
}

export const nibbleAt = (bytes: Uint8Array, i: number) => (bytes[i >> 1]! >> (i % 2 ? 4 : 0)) & 15;

function putNibble(bytes: Uint8Array, i: number, nibble: number): void {
  const shift = i % 2 ? 4 : 0;
  bytes[i >> 1] = (bytes[i >> 1]! & (0xf0 >> shift)) | (nibble << shift);
}
