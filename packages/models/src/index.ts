export {
  type Adapter,
  adapterFiles,
  everyLinearLayer,
  type LoraConfig,
  loraShapes,
  mergeAdapter,
  newAdapter,
  readAdapter,
} from './adapters/adapter.ts';
export type { TensorSpec } from './architectures/family.ts';
export { initialParameters } from './architectures/initialize.ts';
export { PRECISIONS, type Precision } from './architectures/precision.ts';
export { readConfig, tensorsOf, writeConfig } from './architectures/registry.ts';
export { BASE_BITS, type BaseBits } from './blocks/base-bits.ts';
export {
  type Checkpoint,
  checkpointFiles,
  readCheckpoint,
  readModelConfig,
  readWarnings,
} from './checkpoints/checkpoint.ts';
export type { FileContent, ModelFiles, OpenFile } from './checkpoints/model-files.ts';
export { type FolderFiles, type FolderOptions, folderFiles } from './checkpoints/model-folder.ts';
export {
  readSafetensors,
  type Safetensors,
  type StoredTensor,
  type TensorDtype,
  toFloat32,
} from './checkpoints/safetensors.ts';
export { completeTokenizerFiles, type TokenizerFiles } from './checkpoints/tokenizer-files.ts';
export type {
  FamilyName,
  ModelConfig,
  RotaryConfig,
  SlidingWindow,
} from './config/model-config.ts';
export { ModelError, type ModelErrorCode } from './errors.ts';
export { buildExport } from './export/export-graph.ts';
export { EXPORT_DTYPES, type ExportDtype } from './export/export-weights.ts';
export { GGUF_DTYPES, type GgufDtype, ggufFile } from './gguf/write.ts';
export { type TokenizerTraining, trainTokenizer } from './text/bpe-trainer.ts';
export { readChatTemplate } from './text/chat-template.ts';
export {
  type ChatTemplate,
  makeChatTemplate,
  type RenderOptions,
  type TemplateOptions,
} from './text/make-chat-template.ts';
export { makeTokenizer, readTokenizer, type Tokenizer } from './text/tokenizer.ts';
export type { ChatMessage, Tool, ToolCall } from './text/tools/conversation.ts';
export { type ToolFormat, toolMarks } from './text/tools/formats.ts';
export { parseToolReply, settledContent, type ToolReply } from './text/tools/tool-reply.ts';
