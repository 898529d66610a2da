// Entry `@ludic/policies/transformers`: any causal language model that transformers.js runs. The library itself is an
// optional dependency, loaded when the first model is opened.

export type { LibraryModel } from './network.ts';
export {
  loadTransformers,
  TRANSFORMERS_DTYPES,
  type TransformersDtype,
  type TransformersSource,
  transformersPolicy,
} from './open.ts';
export { replyTextOf, TransformersPolicy } from './policy.ts';
export { TransformersScorer } from './scorer.ts';
