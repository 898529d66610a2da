// What is dropped on the page, folders and all, as files that know their paths.

/** @param transfer of a drop; to be asked while the drop is handled */
export async function droppedFiles(transfer: DataTransfer): Promise<readonly File[]> {
  // Entries are gone when the event is over: all are taken before anything is waited for.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files: File[] = [];
  for (const entry of entries) {
    if (entry instanceof File) files.push(entry);
    else if (entry) await gather(entry, entry.name, files);
  }
  return files;
}

/** Adds the files below an entry, with their paths from the dropped folder on. */
async function gather(entry: FileSystemEntry, path: string, into: File[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    into.push(new File([file], path));
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A folder is handed out in parts, the last of them empty.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const child of part) await gather(child, `${path}/${child.name}`, into);
  }
}
