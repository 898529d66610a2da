export {
  type Adapter,
  adapterFiles,
  everyLinearLayer,
  type LoraConfig,
  loraNames,
  loraShapes,
  mergeAdapter,
  newAdapter,
  readAdapter,
} from './adapters/adapter.ts';
export type { TensorSpec } from './architectures/family.ts';
export { initialParameters } from './architectures/initialize.ts';
export { PRECISIONS, type Precision } from './architectures/precision.ts';
export { activationsPerToken, readConfig, tensorsOf, writeConfig } from './architectures/registry.ts';
export { inverseFrequencies, rotaryTables } from './architectures/rope.ts';
export {
  CARRIED_GAME_FILE,
  type Checkpoint,
  checkpointFiles,
  type FileContent,
  indexOf,
  type ModelFiles,
  type OpenFile,
  readCheckpoint,
  readJson,
  readModelConfig,
  readTokenizerFiles,
  readWarnings,
  shardsOf,
  TOKENIZER_FILES,
  WEIGHT_FILES,
} from './checkpoints/checkpoint.ts';
export { type FolderFiles, type FolderOptions, folderFiles, onnxFiles } from './checkpoints/model-folder.ts';
export { lacksConfig, lacksWeights } from './checkpoints/refusals.ts';
export {
  type NamedTensor,
  readSafetensors,
  type Safetensors,
  type StoredTensor,
  safetensorsParts,
  type TensorDtype,
  toFloat32,
  writeSafetensors,
} from './checkpoints/safetensors.ts';
export { completeTokenizerFiles, type TokenizerFiles } from './checkpoints/tokenizer-files.ts';
export {
  FAMILY_NAMES,
  type FamilyName,
  type ModelConfig,
  type RotaryConfig,
  type SlidingWindow,
} from './config/model-config.ts';
export { ModelError, type ModelErrorCode } from './errors.ts';
export { buildExport } from './export/export-graph.ts';
export { EXPORT_DTYPES, type ExportDtype } from './export/export-weights.ts';
export {
  buildCacheAppend,
  buildCacheJoin,
  buildCacheRegroup,
  cacheAppendInputs,
  cacheJoinInputs,
  cacheNames,
  cacheRegroupInputs,
} from './graphs/cache-graph.ts';
export { buildDecoder, type DecodeOptions } from './graphs/decode-graph.ts';
export {
  type CachedPrefix,
  type CachedRows,
  type DecodeInputs,
  extendInputs,
  prefillInputs,
} from './graphs/decode-inputs.ts';
export { type SamplingKind, samplingInputs } from './graphs/sampling-graph.ts';
export {
  buildScoring,
  type ScoringOptions,
  type ScoringOutputs,
  scoringInputs,
  type Target,
} from './graphs/scoring-graph.ts';
export type { TreeLevels } from './graphs/tree-attention.ts';
export { type PackedTree, packTree, sharedPrefixLength, type TreeShape } from './graphs/tree-packing.ts';
export { type TokenizerTraining, trainTokenizer } from './text/bpe-trainer.ts';
export {
  type ChatMessage,
  type ChatTemplate,
  makeChatTemplate,
  readChatTemplate,
  tokenTexts,
} from './text/chat-template.ts';
export { makeTokenizer, readTokenizer, type Tokenizer, tokenizerWithin } from './text/tokenizer.ts';
