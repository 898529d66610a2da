// float32 to float16: 1 bit of sign, 5 of exponent, 10 of fraction (IEEE 754 binary16).

/** The largest number below infinity. */
export const LARGEST_FLOAT16 = 65504;

/** Little-endian bytes of each number as float16, rounded to nearest, ties to even; from 65520 on that is infinity. */
export function float16Bytes(numbers: Float32Array): Uint8Array {
  return new Uint8Array(new Float16Array(numbers).buffer);
}
