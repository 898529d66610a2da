// TFRecord, the framing of event files: length, checksum of the length, data, checksum of the data. Checksums are
// CRC-32C, rotated and shifted ("masked"), so that a record may itself hold records. Source: TensorFlow's record format.

/** Castagnoli's polynomial, its bits reversed. */
const POLYNOMIAL = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const HEADER = 12;
const FOOTER = 4;

export function encodeRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER + data.length + FOOTER);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(record.subarray(0, 8)), true);
  record.set(data, HEADER);
  view.setUint32(HEADER + data.length, masked(data), true);
  return record;
}

/** The whole records from the beginning, up to the first that is cut off or damaged. */
export function decodeRecords(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at + HEADER + FOOTER <= bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    const end = at + HEADER + length;
    if (view.getUint32(at + 8, true) !== masked(bytes.subarray(at, at + 8)) || end + FOOTER > bytes.length) break;
    const data = bytes.subarray(at + HEADER, end);
    if (view.getUint32(end, true) !== masked(data)) break;
    records.push(data);
    at = end + FOOTER;
  }
  return records;
}
