// Entry `@ludic/models/internal`: what other packages of this repository need and nothing else is promised.

export { activationsPerToken } from './architectures/registry.ts';
export { asBlocks, blockShapes, blockWeights, floatParameters } from './blocks/base-bits.ts';
export { CARRIED_GAME_FILE, readJson } from './checkpoints/model-files.ts';
export { onnxFiles } from './checkpoints/model-folder.ts';
export { lacksConfig, lacksWeights } from './checkpoints/refusals.ts';
export { safetensorsParts } from './checkpoints/safetensors.ts';
export { TOKENIZER_FILES } from './checkpoints/tokenizer-files.ts';
export { indexOf, shardsOf, WEIGHT_FILES } from './checkpoints/weight-files.ts';
export { ggufNames } from './gguf/file-names.ts';
export {
  buildCacheAppend,
  buildCacheJoin,
  buildCacheRegroup,
  cacheAppendInputs,
  cacheJoinInputs,
  cacheNames,
  cacheRegroupInputs,
} from './graphs/cache-graph.ts';
export {
  buildDecoder,
  type CachedPrefix,
  type DecodeInputs,
  extendInputs,
  freshRows,
  noPrefix,
  prefillInputs,
} from './graphs/decode-graph.ts';
export { runsByLength } from './graphs/packed-tokens.ts';
export { type SamplingKind, samplingInputs } from './graphs/sampling-graph.ts';
export {
  buildScoring,
  type ScoringOptions,
  scoringInputs,
  type Target,
} from './graphs/scoring-graph.ts';
export { commonBeginning, TokenNode, type TokenTree } from './graphs/token-tree.ts';
export type { TreeLevels } from './graphs/tree-attention.ts';
export { type PackedPath, packTree, sharedPrefix, sharedPrefixLength } from './graphs/tree-packing.ts';
export { tokenTexts } from './text/chat-template.ts';
export { tokenizerWithin } from './text/tokenizer.ts';
export { withoutTools } from './text/tools/default-form.ts';
