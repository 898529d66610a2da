export { philox4x32 } from './philox.ts';
export { deriveSeed, type RandomStream, stream } from './stream.ts';
