export { writeFileWhole } from './node/write-file.ts';
