// In a browser, a model whose files are here already: transformers.js asks for them as it asks the Hub, and is answered
// from them. (In Node it wants paths.)

import type { env } from '@huggingface/transformers';
import type { ModelFiles } from '@ludic/models';

let last: Promise<unknown> = Promise.resolve();

/**
 * Loads a model from files alone. The library's settings are its own and global, so loads come one after the other, and
 * leave the settings as they were.
 * @param load is given the id under which the library finds the files
 */
export function withFiles<T>(library: typeof env, files: ModelFiles, load: (id: string) => Promise<T>): Promise<T> {
  const result = last.then(async () => {
    const before = { ...library };
    const id = 'ludic/files';
    const place = `/${id}/resolve/main/`;
    Object.assign(library, {
      allowLocalModels: false,
      allowRemoteModels: true,
      // What is here need not be kept again.
      useFSCache: false,
      useBrowserCache: false,
      useCustomCache: false,
      useWasmCache: false,
      async fetch(address: string | URL) {
        const { pathname } = new URL(address);
        const file = decodeURIComponent(pathname.slice(pathname.indexOf(place) + place.length));
        const bytes = await files.read(file);
        if (!bytes) return new Response(null, { status: 404 });
        return new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'content-length': String(bytes.length) } });
      },
    } satisfies Partial<typeof env>);
    try {
      return await load(id);
    } finally {
      Object.assign(library, before);
    }
  });
  last = result.catch(() => {});
  return result;
}
