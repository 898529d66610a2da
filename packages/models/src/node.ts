// Models in folders of this machine.

export { openAdapterFolder, openModelFolder } from './node/open-folder.ts';
export { writeFilesAtomically } from './node/write-folder-atomic.ts';
