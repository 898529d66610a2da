// Files as one zip, without compression: weights hardly get smaller.

import { Zip, ZipPassThrough } from 'fflate';

/** @param folder that the files lie in, in the zip */
export async function zipOf(files: ReadonlyMap<string, Blob>, folder: string): Promise<Blob> {
  const parts: Uint8Array[] = [];
  const trouble: Error[] = [];
  const zip = new Zip((error, data) => {
    if (error) trouble.push(error);
    else parts.push(data);
  });
  for (const [name, blob] of files) {
    const entry = new ZipPassThrough(`${folder}/${name}`);
    zip.add(entry);
    for (const reader = blob.stream().getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      entry.push(value);
    }
    entry.push(new Uint8Array(), true);
  }
  zip.end();
  if (trouble[0]) throw trouble[0];
  return new Blob(parts as BlobPart[], { type: 'application/zip' });
}
