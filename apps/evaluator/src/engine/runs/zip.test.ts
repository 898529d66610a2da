// What is zipped can be unzipped by other software.

import { unzipSync } from 'fflate';
import { expect, it } from 'vitest';
import { zipOf, zipStream } from './zip.ts';

it('holds every file, byte by byte', async () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251);
  const files = { 'config.json': '{}', 'onnx/model.onnx': bytes, 'Ā name.txt': 'ü', empty: '' };
  const blobs = new Map(Object.entries(files).map(([name, content]) => [name, new Blob([content])]));
  const zip = await zipOf(blobs, 'top');
  expect(zip.type).toBe('application/zip');
  const found = unzipSync(new Uint8Array(await zip.arrayBuffer()));
  expect(Object.keys(found)).toEqual(Object.keys(files).map((name) => `top/${name}`));
  expect(found['top/onnx/model.onnx']).toEqual(bytes);
  expect(new TextDecoder().decode(found['top/Ā name.txt'])).toBe('ü');
  expect(found['top/empty']).toHaveLength(0);
});

it('goes on beyond 4 GB as ZIP64', async () => {
  const part = new Blob([new Uint8Array(2 ** 24)]);
  const large = new Blob(new Array<Blob>(257).fill(part));
  let size = 0;
  let tail = new Uint8Array();
  for await (const piece of zipStream(
    new Map([
      ['weights', large],
      ['after', new Blob(['x'])],
    ]),
    'top',
  )) {
    size += piece.length;
    tail = Uint8Array.from([...tail, ...piece.subarray(-400)].slice(-400));
  }
  // The last records: the end of ZIP64 (56 bytes), where that is (20), the end of zip (22).
  const end = new DataView(tail.buffer, tail.length - 98);
  expect(end.getUint32(0, true)).toBe(0x06064b50);
  expect(end.getBigUint64(32, true)).toBe(2n);
  const [length, at] = [end.getBigUint64(40, true), end.getBigUint64(48, true)];
  expect(at).toBeGreaterThan(2n ** 32n);
  expect(at + length + 98n).toBe(BigInt(size));
  expect(end.getUint32(56, true)).toBe(0x07064b50);
  expect(end.getUint32(76, true)).toBe(0x06054b50);
  // In the list of files, the size of the first: ZIP64's field of an entry says it.
  const list = new DataView(tail.buffer, tail.length - 98 - Number(length));
  expect(list.getUint32(0, true)).toBe(0x02014b50);
  expect(list.getUint32(24, true)).toBe(0xffffffff);
  expect(list.getBigUint64(46 + 'top/weights'.length + 4, true)).toBe(BigInt(large.size));
}, 180_000);
