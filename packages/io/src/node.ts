export { type AwaitLockOptions, awaitLock, type FileLock, takeLock } from './node/file-lock.ts';
export { writeFileWhole } from './node/write-file.ts';
