// Files as one zip, without compression: weights hardly get smaller. Zip's older half ends at 4 GB; what is larger is
// written as ZIP64.

import { makeZip } from 'client-zip';

/** Each file is read when its turn comes. @param folder that the files lie in, in the zip */
export const zipStream = (files: ReadonlyMap<string, Blob>, folder: string) =>
  makeZip(Array.from(files, ([name, input]) => ({ name: `${folder}/${name}`, input })));

/** The browser gathers it, in memory or on disk: here is no more than a piece. */
export const zipOf = (files: ReadonlyMap<string, Blob>, folder: string): Promise<Blob> =>
  new Response(zipStream(files, folder), { headers: { 'content-type': 'application/zip' } }).blob();
