export { deriveSeed, type RandomStream, stream } from './stream.ts';
