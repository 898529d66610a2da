// The zip archives that torch.save writes: entries that are stored one after the other, neither compressed nor encrypted,
// and a directory at the end. Nothing in the file is believed before it is checked.

import { badTorchFile, quoted } from './pickle.ts';
import { viewOf } from './safetensors.ts';

const END = 0x06054b50;
const END_LENGTH = 22;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const LOCATOR_LENGTH = 20;
const CENTRAL = 0x02014b50;
const CENTRAL_LENGTH = 46;
const LOCAL = 0x04034b50;
const LOCAL_LENGTH = 30;

/**
 * The stored entries of a zip archive by name, as views. Checksums are left alone: PyTorch can write files whose
 * checksums are deliberately none.
 */
export function readZip(file: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const view = viewOf(file);
  const directory = findDirectory(file, view);
  const entries = new Map<string, Uint8Array>();
  let at = directory.begin;
  while (at < directory.end) {
    if (at + CENTRAL_LENGTH > directory.end || view.getUint32(at, true) !== CENTRAL) throw badTorchFile(BAD_DIRECTORY);
    const nameEnd = at + CENTRAL_LENGTH + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > directory.end) throw badTorchFile(BAD_DIRECTORY);
    const name = new TextDecoder().decode(file.subarray(at + CENTRAL_LENGTH, nameEnd));
    if (entries.has(name)) throw badTorchFile(`its zip archive has two entries ${quoted(name)}`);
    if (view.getUint16(at + 8, true) & 1)
      throw badTorchFile(`the entry ${quoted(name)} of its zip archive is encrypted`);
    if (view.getUint16(at + 10, true) !== 0) {
      throw badTorchFile(`the entry ${quoted(name)} of its zip archive is compressed, which torch.save never does`);
    }
    entries.set(name, entryData(file, view, name, placeOf(view, at, nameEnd, extraEnd)));
    at = next;
  }
  return entries;
}

const BAD_DIRECTORY = 'the directory of its zip archive is damaged';

/** Where the central directory lies, from the record at the file's end or the 64-bit one before it. */
function findDirectory(file: Uint8Array, view: DataView): { begin: number; end: number } {
  const lowest = Math.max(0, file.length - END_LENGTH - 0xffff);
  let end = file.length - END_LENGTH;
  const isEnd = () =>
    view.getUint32(end, true) === END && end + END_LENGTH + view.getUint16(end + 20, true) === file.length;
  while (end >= lowest && !isEnd()) end--;
  if (end < lowest) throw badTorchFile('it is cut off: its zip archive has no directory');
  let size = view.getUint32(end + 12, true);
  let begin = view.getUint32(end + 16, true);
  const locator = end - LOCATOR_LENGTH;
  if (locator >= 0 && view.getUint32(locator, true) === LOCATOR_64) {
    const end64 = Number(view.getBigUint64(locator + 8, true));
    if (end64 + 56 > locator || view.getUint32(end64, true) !== END_64) throw badTorchFile(BAD_DIRECTORY);
    size = Number(view.getBigUint64(end64 + 40, true));
    begin = Number(view.getBigUint64(end64 + 48, true));
  }
  if (begin + size > end) throw badTorchFile(BAD_DIRECTORY);
  return { begin, end: begin + size };
}

/** Size and place of an entry, from its record in the directory or the 64-bit numbers of its extra field. */
function placeOf(view: DataView, record: number, extra: number, extraEnd: number): { size: number; local: number } {
  let size = view.getUint32(record + 24, true);
  let local = view.getUint32(record + 42, true);
  for (let at = extra; at + 4 <= extraEnd; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    // Only the numbers that do not fit are there: unpacked size, packed size, place.
    let number = at + 4;
    const end = Math.min(extraEnd, number + view.getUint16(at + 2, true));
    const wide = (narrow: number): number => {
      if (narrow !== 0xffffffff) return narrow;
      if (number + 8 > end) throw badTorchFile(BAD_DIRECTORY);
      number += 8;
      return Number(view.getBigUint64(number - 8, true));
    };
    size = wide(size);
    wide(view.getUint32(record + 20, true));
    local = wide(local);
    break;
  }
  return { size, local };
}

function entryData(
  file: Uint8Array,
  view: DataView,
  name: string,
  { size, local }: { readonly size: number; readonly local: number },
): Uint8Array {
  if (local + LOCAL_LENGTH > file.length || view.getUint32(local, true) !== LOCAL) {
    throw badTorchFile(`the entry ${quoted(name)} of its zip archive is not where it should be`);
  }
  const begin = local + LOCAL_LENGTH + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (begin + size > file.length) throw badTorchFile(`it is cut off in the entry ${quoted(name)} of its zip archive`);
  return file.subarray(begin, begin + size);
}
