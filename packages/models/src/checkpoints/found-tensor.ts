// Tensors before their numbers are read.

import type { BlockType } from '../gguf/block-types.ts';
import type { TensorDtype } from './safetensors.ts';

/** A tensor of a file whose numbers may not have been read yet. */
export interface FoundTensor {
  readonly dtype: TensorDtype | BlockType;
  /** Rows first. */
  readonly shape: readonly number[];
  floats(): Promise<Float32Array>;
}

const WHOLE: readonly FoundTensor['dtype'][] = ['I64', 'I32', 'I16', 'I8', 'U8', 'BOOL'];

/** Whether a tensor's numbers can be had as float32. */
export const isFloating = (dtype: FoundTensor['dtype']): boolean => !WHOLE.includes(dtype);
