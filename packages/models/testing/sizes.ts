// For tests and benches: the shapes of published models, without their weights.

import type { ModelConfig } from '../src/index.ts';

export const SMOLLM2_135M: ModelConfig = {
  family: 'llama',
  vocabSize: 49_152,
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  normEpsilon: 1e-5,
  rotary: { theta: 100_000 },
  tieWordEmbeddings: true,
  maxPositions: 8192,
  eosTokenIds: [1],
};
