// Files in the storage that a browser gives to a page (the origin's private file system), as a worker may write them.

import type { FileContent } from '@ludic/models';

/** What a worker writes through. The types of a page do not know it. */
interface SyncAccess {
  getSize(): number;
  write(data: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type WorkerFile = FileSystemFileHandle & {
  createSyncAccessHandle(): Promise<SyncAccess>;
  /** Takes the place of what is there by that name. */
  move(folder: FileSystemDirectoryHandle, name: string): Promise<void>;
};

/** Whether this browser has what is written with. Not all that give a folder do. */
export const canWrite = (): boolean => {
  const { prototype } = globalThis.FileSystemFileHandle ?? {};
  return prototype !== undefined && 'createSyncAccessHandle' in prototype && 'move' in prototype;
};

const partsOf = (content: FileContent): Iterable<Uint8Array> =>
  typeof content === 'string'
    ? [new TextEncoder().encode(content)]
    : content instanceof Uint8Array
      ? [content]
      : content;

/** Writes from `start` on (by default behind what is there), and leaves the file as it was where that fails. */
async function put(file: FileSystemFileHandle, content: FileContent, start?: number): Promise<void> {
  const access = await (file as WorkerFile).createSyncAccessHandle();
  const before = access.getSize();
  try {
    let at = start ?? before;
    if (at < before) access.truncate(at);
    for (const part of partsOf(content)) {
      if (access.write(part, { at }) < part.length)
        throw new DOMException('Not all was written.', 'QuotaExceededError');
      at += part.length;
    }
    access.flush();
  } catch (error) {
    access.truncate(Math.min(start ?? before, before));
    throw error;
  } finally {
    access.close();
  }
}

/** The folder that a path names. @throws DOMException `NotFoundError` where it is missing and is not to be made */
export async function folderAt(home: FileSystemDirectoryHandle, path: string, create = false) {
  let folder = home;
  for (const name of path.split('/').filter(Boolean)) folder = await folder.getDirectoryHandle(name, { create });
  return folder;
}

const split = (path: string): readonly [folder: string, name: string] => {
  const at = path.lastIndexOf('/') + 1;
  return [path.slice(0, at), path.slice(at)];
};

/** The handle of a file, which is made with its folders where it is missing. */
async function makeFile(home: FileSystemDirectoryHandle, path: string): Promise<FileSystemFileHandle> {
  const [folder, name] = split(path);
  return (await folderAt(home, folder, true)).getFileHandle(name, { create: true });
}

/** Replaces the whole content of a file in place. */
export const writeFile = async (home: FileSystemDirectoryHandle, path: string, content: FileContent) =>
  put(await makeFile(home, path), content, 0);

/** Adds text at the end of a file. */
export const appendFile = async (home: FileSystemDirectoryHandle, path: string, text: string) =>
  put(await makeFile(home, path), text);

/** Shortens a file. @param length in bytes */
export const cutFile = async (home: FileSystemDirectoryHandle, path: string, length: number) =>
  put(await makeFile(home, path), '', length);

/** A reader sees the old file or the new one: it is written beside its place, and put there when it is whole. */
export async function replaceFile(home: FileSystemDirectoryHandle, path: string, text: string): Promise<void> {
  const [at, name] = split(path);
  const folder = await folderAt(home, at, true);
  const beside = await folder.getFileHandle(`${name}~`, { create: true });
  await put(beside, text, 0);
  await (beside as WorkerFile).move(folder, name);
}

/** All files of a folder and of those in it, by their paths. */
export async function filesIn(folder: FileSystemDirectoryHandle, prefix = ''): Promise<Map<string, File>> {
  const found = new Map<string, File>();
  for await (const handle of folder.values()) {
    const path = `${prefix}${handle.name}`;
    if (handle.kind === 'file') found.set(path, await (handle as FileSystemFileHandle).getFile());
    else
      for (const [name, file] of await filesIn(handle as FileSystemDirectoryHandle, `${path}/`)) found.set(name, file);
  }
  return found;
}

/** Undefined where there is no such file. */
export async function fileAt(home: FileSystemDirectoryHandle, path: string): Promise<File | undefined> {
  const [folder, name] = split(path);
  try {
    return await (await (await folderAt(home, folder)).getFileHandle(name)).getFile();
  } catch (error) {
    if ((error as Error).name === 'NotFoundError' || (error as Error).name === 'TypeMismatchError') return undefined;
    throw error;
  }
}

/** Removes a folder with all that is in it, if it is there. */
export async function removeFolder(home: FileSystemDirectoryHandle, path: string): Promise<void> {
  const [above, name] = split(path);
  try {
    const folder = await folderAt(home, above);
    await patiently(() => folder.removeEntry(name, { recursive: true }));
  } catch (error) {
    if ((error as Error).name !== 'NotFoundError') throw error;
  }
}

/** Files of a page that was left are held for a moment longer. */
async function patiently(remove: () => Promise<void>): Promise<void> {
  for (let left = 20; ; left--) {
    try {
      return await remove();
    } catch (error) {
      if ((error as Error).name !== 'NoModificationAllowedError' || left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
