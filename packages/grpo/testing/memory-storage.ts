// For tests: the files of a run in memory.

import type { RunStorage } from '../src/run/run-storage.ts';

const encode = (text: string) => new TextEncoder().encode(text);

/** A run in memory. */
export function memoryStorage(): RunStorage & { readonly files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  const inside = (folder: string) =>
    [...files.keys()].flatMap((path) => (path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1)] : []));
  const removeFolder = async (folder: string) => {
    for (const name of inside(folder)) files.delete(`${folder}/${name}`);
  };
  return {
    files,
    place: 'memory',
    names: async (folder) => {
      const names = folder === '' ? [...files.keys()] : inside(folder);
      return [...new Set(names.map((name) => name.split('/')[0]!))];
    },
    read: async (file) => files.get(file),
    write: async (file, text) => void files.set(file, encode(text)),
    append: async (file, text) => void files.set(file, Buffer.concat([files.get(file) ?? encode(''), encode(text)])),
    cut: async (file, length) => void files.set(file, files.get(file)!.slice(0, length)),
    async writeFolder(folder, contents) {
      await removeFolder(folder);
      for (const [name, content] of contents) {
        const parts =
          typeof content === 'string' ? [encode(content)] : content instanceof Uint8Array ? [content] : content;
        files.set(`${folder}/${name}`, new Uint8Array(Buffer.concat([...parts])));
      }
    },
    removeFolder,
    open: async (folder) => ({
      name: folder,
      read: async (name) => files.get(`${folder}/${name}`),
      async open(name) {
        const file = files.get(`${folder}/${name}`);
        return (
          file && {
            size: file.length,
            read: async (at, into) => into.set(file.subarray(at, at + into.length)),
            close: async () => {},
          }
        );
      },
    }),
  };
}
