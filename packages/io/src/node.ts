export { type AwaitLockOptions, awaitLock, type FileLock, takeLock } from './node/file-lock.ts';
export { ipcChannel } from './node/ipc-channel.ts';
export { LineReader } from './node/line-reader.ts';
export { findUserPackage, importUserFile, type UserFile } from './node/user-module.ts';
export { writeFileAtomic } from './node/write-file-atomic.ts';
export { writeSynced } from './node/write-synced.ts';
