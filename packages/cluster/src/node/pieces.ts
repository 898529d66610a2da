// Answers longer than a message: cut into pieces by the worker, put together by the coordinator, which knows how long each
// may be.

import type { HostTensors } from '@ludic/grpo/internal-node';
import { float32, floats } from '@ludic/runtime';
import type { Piece, WorkerReport } from './messages.ts';
import { MESSAGE_BYTES } from './names.ts';

type AnswerEnd = Extract<WorkerReport['body'], { type: 'answer' }>;
/** Of each parameter that is trained. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Bytes of the games or the numbers of a shard. */
const LARGEST_BODY = 256 * 1024 * 1024;

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Pieces, as many in a message as it takes. */
export function* cutAnswer(body: Uint8Array, gradients: HostTensors): Generator<readonly Piece[]> {
  const all: (readonly [string, Uint8Array])[] = [['', body]];
  for (const [of, gradient] of Object.entries(gradients)) all.push([of, bytesOf(floats(gradient))]);
  let pieces: Piece[] = [];
  let room = MESSAGE_BYTES;
  for (const [of, bytes] of all) {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + room);
      pieces.push({ of, at, bytes: piece });
      at += piece.length;
      room -= piece.length;
      if (room > 0) continue;
      yield pieces;
      pieces = [];
      room = MESSAGE_BYTES;
    }
  }
  if (pieces.length > 0) yield pieces;
}

export const endOf = (body: Uint8Array, gradients: HostTensors): AnswerEnd => ({
  type: 'answer',
  size: body.length,
  gradients: Object.fromEntries(Object.entries(gradients).map(([name, { dims }]) => [name, [...dims]])),
});

/** The pieces of one answer. */
export class Assembly {
  readonly #shapes: Shapes;
  readonly #body: Piece[] = [];
  #bodyBytes = 0;
  readonly #gradients = new Map<string, { readonly data: Float32Array; readonly seen: Set<number>; missing: number }>();

  constructor(shapes: Shapes) {
    this.#shapes = shapes;
  }

  /** Throws where a piece belongs to nothing. One that comes twice counts once. */
  add({ of, at, bytes }: Piece): void {
    if (of === '') {
      if (this.#body.some((known) => known.at === at)) return;
      this.#bodyBytes += bytes.length;
      if (this.#bodyBytes > LARGEST_BODY) throw new Error(`an answer has more than ${LARGEST_BODY} bytes`);
      // A view would keep the whole message.
      this.#body.push({ of, at, bytes: Uint8Array.from(bytes) });
      return;
    }
    const sum = this.#gradient(of);
    if (sum.seen.has(at)) return;
    if (at + bytes.length > sum.data.byteLength) throw new Error(`the gradient of ${of} is too long`);
    bytesOf(sum.data).set(bytes, at);
    sum.seen.add(at);
    sum.missing -= bytes.length;
  }

  /** Throws where something is missing or does not fit. */
  end({ size, gradients }: AnswerEnd): { readonly body: Uint8Array; readonly gradients: HostTensors } {
    if (this.#bodyBytes !== size) throw new Error(`an answer has ${this.#bodyBytes} bytes instead of ${size}`);
    const body = new Uint8Array(size);
    for (const { at, bytes } of this.#body) {
      if (at + bytes.length > size) throw new Error('a piece of an answer is too long');
      body.set(bytes, at);
    }
    const names = Object.keys(gradients);
    if (names.length > 0 && names.length !== this.#shapes.size)
      throw new Error('gradients of some parameters are missing');
    const whole = names.map((name) => {
      const { data, missing } = this.#gradient(name);
      const shape = this.#shapes.get(name)!;
      if (missing > 0 || gradients[name]!.join() !== shape.join())
        throw new Error(`the gradient of ${name} is not whole`);
      return [name, float32(data, shape)] as const;
    });
    return { body, gradients: Object.fromEntries(whole) };
  }

  #gradient(name: string) {
    const known = this.#gradients.get(name);
    if (known) return known;
    const shape = this.#shapes.get(name);
    if (!shape) throw new Error('there is no such parameter');
    const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
    const begun = { data, seen: new Set<number>(), missing: data.byteLength };
    this.#gradients.set(name, begun);
    return begun;
  }
}
