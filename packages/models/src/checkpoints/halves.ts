// float16 as files store it, to numbers. Float16Array is not in every browser that trains.

let table: Float32Array | undefined;

/** The number of 16 bits: 1 of sign, 5 of exponent, 10 of fraction (IEEE 754 binary16). */
export function numberOfHalf(bits: number): number {
  table ??= Float32Array.from({ length: 2 ** 16 }, (_, one) => computed(one));
  return table[bits]!;
}

function computed(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
