// What the matrix products of a network are taken in, forward and backward: linear layers, attention scores and mixed
// values. Weights, gradients, norms, softmax, rotary positions and what flows between layers are float32 in any case.

export const PRECISIONS = ['float32', 'float16'] as const;
export type Precision = (typeof PRECISIONS)[number];
