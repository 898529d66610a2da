// The kinds of protobuf field that an ONNX model, or an event of TensorBoard, is made of, written in order. Source: the
// protobuf encoding guide.

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Smaller pieces are gathered until they are as long as this. Bytes. */
const PIECE = 2 ** 16;

const encoder = new TextEncoder();

/** Bytes, or how many they will be and what makes them. */
type Chunk = Uint8Array | { readonly length: number; readonly read: () => Uint8Array };

const read = (chunk: Chunk): Uint8Array => (chunk instanceof Uint8Array ? chunk : chunk.read());

export class ProtobufMessage {
  readonly #chunks: Chunk[] = [];
  #length = 0;

  /** Bytes of the whole message. */
  get length(): number {
    return this.#length;
  }

  #push(chunk: Chunk): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  #varint(value: number | bigint): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    do {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      bytes.push(rest === 0n ? low : low | 0x80);
    } while (rest !== 0n);
    this.#push(Uint8Array.from(bytes));
  }

  int(field: number, value: number): this {
    this.#varint((field << 3) | VARINT);
    this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    return this.#fixed((field << 3) | FIXED32, Float32Array.of(value));
  }

  double(field: number, value: number): this {
    return this.#fixed((field << 3) | FIXED64, Float64Array.of(value));
  }

  /** Numbers lie little-endian in memory, as protobuf wants them. */
  #fixed(key: number, { buffer }: Float32Array | Float64Array): this {
    this.#varint(key);
    this.#push(new Uint8Array(buffer));
    return this;
  }

  data(field: number, bytes: Uint8Array): this {
    return this.later(field, bytes.length, () => bytes);
  }

  /** Bytes that are made when the message is written. */
  later(field: number, length: number, make: () => Uint8Array): this {
    this.#varint((field << 3) | LENGTH_DELIMITED);
    this.#varint(length);
    this.#push({ length, read: make });
    return this;
  }

  string(field: number, text: string): this {
    return this.data(field, encoder.encode(text));
  }

  message(field: number, inner: ProtobufMessage): this {
    this.#varint((field << 3) | LENGTH_DELIMITED);
    this.#varint(inner.#length);
    for (const chunk of inner.#chunks) this.#push(chunk);
    return this;
  }

  bytes(): Uint8Array {
    const result = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      result.set(read(chunk), offset);
      offset += chunk.length;
    }
    return result;
  }

  /** The same bytes in pieces, to be written one after the other. */
  pieces(): Iterable<Uint8Array> {
    const chunks = this.#chunks;
    return {
      *[Symbol.iterator]() {
        let gathered = new Uint8Array(PIECE);
        let filled = 0;
        for (const chunk of chunks) {
          if (filled > 0 && filled + chunk.length > PIECE) {
            yield gathered.subarray(0, filled);
            // The last piece may still be in use.
            gathered = new Uint8Array(PIECE);
            filled = 0;
          }
          if (chunk.length > PIECE) yield read(chunk);
          else {
            gathered.set(read(chunk), filled);
            filled += chunk.length;
          }
        }
        if (filled > 0) yield gathered.subarray(0, filled);
      },
    };
  }
}
