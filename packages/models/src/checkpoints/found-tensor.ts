// A tensor of a file whose numbers may not have been read yet.

import type { BlockType } from '../gguf/block-types.ts';
import type { TensorDtype } from './safetensors.ts';

export interface FoundTensor {
  readonly dtype: TensorDtype | BlockType;
  /** Rows first. */
  readonly shape: readonly number[];
  floats(): Promise<Float32Array>;
}

/** The name of a GGUF file's weights where the file is opened as the folder of a model. */
export const GGUF_WEIGHTS = 'model.gguf';

const WHOLE: readonly FoundTensor['dtype'][] = ['I64', 'I32', 'I16', 'I8', 'U8', 'BOOL'];

/** Whether a tensor's numbers can be had as float32. */
export const isFloating = (dtype: FoundTensor['dtype']): boolean => !WHOLE.includes(dtype);
