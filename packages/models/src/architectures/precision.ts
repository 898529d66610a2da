// What the matrix products of a network are taken in, forward and backward: linear layers, attention scores and mixed
// values. Weights, gradients, norms, softmax, rotary positions and what flows between layers are float32 in any case.

/** What matrix products may be computed in. */
export const PRECISIONS = ['float32', 'float16'] as const;
/** One of `PRECISIONS`; everything but matrix products is float32 in any case. */
export type Precision = (typeof PRECISIONS)[number];
