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
} from './adapter.ts';
export { type TokenizerTraining, trainTokenizer } from './bpe-trainer.ts';
export { buildCacheAppend, buildCacheJoin, buildCacheRegroup, cacheNames } from './cache-graph.ts';
export {
  type ChatMessage,
  type ChatTemplate,
  makeChatTemplate,
  readChatTemplate,
  tokenTexts,
} from './chat-template.ts';
export {
  CARRIED_GAME_FILE,
  type Checkpoint,
  COMPANIONS,
  checkpointFiles,
  type FileContent,
  indexOf,
  type ModelFiles,
  type OpenFile,
  readCheckpoint,
  readCompanions,
  readJson,
  readModelConfig,
  readWarnings,
  shardsOf,
  WEIGHT_FILES,
} from './checkpoint.ts';
export { type Companions, completeCompanions } from './companions.ts';
export { FAMILY_NAMES, type FamilyName, type ModelConfig, type RotaryConfig, type SlidingWindow } from './config.ts';
export { buildDecoder, type DecodeOptions } from './decode-graph.ts';
export type { DrawKind } from './draw-graph.ts';
export { ModelError, type ModelErrorCode } from './errors.ts';
export { buildExport } from './export-graph.ts';
export { EXPORT_DTYPES, type ExportDtype } from './export-weights.ts';
export type { TensorSpec } from './families/family.ts';
export { readConfig, tensorsOf, writeConfig } from './families/registry.ts';
export { initialParameters } from './initialize.ts';
export { type FolderFiles, type FolderOptions, folderFiles, onnxFiles } from './model-folder.ts';
export {
  causalBias,
  HIDDEN,
  layRows,
  type PackedSequences,
  packSequences,
  type RowPositions,
  type RowsOfTokens,
  rotaryInputs,
  sharedPrefixLength,
  span,
  tokenTensors,
  windowBias,
} from './packing.ts';
export { PRECISIONS, type Precision } from './precision.ts';
export { lacksConfig, lacksWeights } from './refusals.ts';
export { inverseFrequencies, rotaryTables } from './rope.ts';
export {
  type NamedTensor,
  readSafetensors,
  type Safetensors,
  type StoredTensor,
  safetensorsParts,
  type TensorDtype,
  toFloat32,
  writeSafetensors,
} from './safetensors.ts';
export { buildScoring, type ScoringOptions, type ScoringOutputs } from './scoring-graph.ts';
export { makeTokenizer, readTokenizer, type Tokenizer, tokenizerWithin } from './tokenizer.ts';
export type { TreeLevels } from './tree-attention.ts';
export { type PackedTree, packTree, type TreeShape } from './tree-packing.ts';
