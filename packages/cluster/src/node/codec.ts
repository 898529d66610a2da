// Messages as bytes: MessagePack, with arrays of numbers as they lie in memory. Every number that is no array is 8 bytes, so
// that −0 and what is not finite arrive as they are.

import { DecodeError, decode, ExtensionCodec, encode } from '@msgpack/msgpack';

const ARRAYS = [Int32Array, Float32Array, Float64Array] as const;
/** Deeper than any message is. */
const MOST_DEPTH = 32;

const extensionCodec = new ExtensionCodec();
for (const [type, NumberArray] of ARRAYS.entries()) {
  extensionCodec.register({
    type,
    encode: (value) =>
      value instanceof NumberArray ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : null,
    decode: (data) => {
      if (data.length % NumberArray.BYTES_PER_ELEMENT > 0) throw new DecodeError('an array of numbers is cut off');
      // A copy, since numbers must lie at multiples of their size.
      return new NumberArray(data.slice().buffer);
    },
  });
}

export const encodeMessage = (message: unknown): Uint8Array =>
  encode(message, { extensionCodec, ignoreUndefined: true, forceIntegerToFloat: true, maxDepth: MOST_DEPTH });

/** Throws where the bytes are no message. What it returns still has to be checked. */
export const decodeMessage = (bytes: Uint8Array): unknown => decode(bytes, { extensionCodec });
