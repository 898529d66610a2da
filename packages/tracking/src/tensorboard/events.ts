// TensorBoard's events as protobuf, as far as scalars need them. Source: tensorboard/compat/proto/event.proto and
// summary.proto.

import { ProtobufMessage } from '@ludic/graph/internal';
import type { Scalars } from '../scalars.ts';

/** Fields of an event, of its summary and of a value. */
const WALL_TIME = 1;
const STEP = 2;
const FILE_VERSION = 3;
const SUMMARY = 5;
const SESSION_LOG = 7;
const VALUE = 1;
const TAG = 1;
const SIMPLE_VALUE = 2;
const STATUS = 1;
const STARTED = 1;

/** The first event of a file. @param seconds since 1970 */
export const versionEvent = (seconds: number): Uint8Array =>
  new ProtobufMessage().double(WALL_TIME, seconds).string(FILE_VERSION, 'brain.Event:2').bytes();

/** Voids this step and later ones in earlier files. */
export const restartEvent = (seconds: number, step: number): Uint8Array =>
  new ProtobufMessage()
    .double(WALL_TIME, seconds)
    .int(STEP, step)
    .message(SESSION_LOG, new ProtobufMessage().int(STATUS, STARTED))
    .bytes();

export function scalarsEvent(seconds: number, step: number, scalars: Scalars): Uint8Array {
  const summary = new ProtobufMessage();
  for (const [tag, value] of Object.entries(scalars)) {
    summary.message(VALUE, new ProtobufMessage().string(TAG, tag).float(SIMPLE_VALUE, value));
  }
  return new ProtobufMessage().double(WALL_TIME, seconds).int(STEP, step).message(SUMMARY, summary).bytes();
}

/** Step of an event that this file wrote and that has a summary. */
export function stepOfSummary(event: Uint8Array): number | undefined {
  let step = 0;
  for (let at = 0; at < event.length; ) {
    const [key, afterKey] = varint(event, at);
    const wireType = key & 7;
    if (key >>> 3 === SUMMARY) return step;
    if (wireType === 0) {
      const [value, next] = varint(event, afterKey);
      if (key >>> 3 === STEP) step = value;
      at = next;
    } else if (wireType === 1) at = afterKey + 8;
    else if (wireType === 5) at = afterKey + 4;
    else if (wireType === 2) {
      const [length, next] = varint(event, afterKey);
      at = next + length;
    } else return undefined;
  }
  return undefined;
}

function varint(bytes: Uint8Array, start: number): [value: number, next: number] {
  let value = 0;
  let factor = 1;
  for (let at = start; at < bytes.length; at++) {
    value += (bytes[at]! & 0x7f) * factor;
    if (bytes[at]! < 0x80) return [value, at + 1];
    factor *= 128;
  }
  return [value, bytes.length];
}
