// Rotary positions: how fast each pair of dimensions turns, and the tables of cosines and sines.

import type { RotaryConfig } from '../config/model-config.ts';

/** Radians per position of each of the headDim / 2 pairs, after scaling. Source: Hugging Face transformers, `linear` and `llama3`. */
export function inverseFrequencies({ theta, scaling }: RotaryConfig, headDim: number): Float64Array {
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  if (!scaling) return plain;
  if (!('lowFreqFactor' in scaling)) return plain.map((frequency) => frequency / scaling.factor);
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling;
  return plain.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < originalMaxPositions / highFreqFactor) return frequency;
    if (wavelength > originalMaxPositions / lowFreqFactor) return frequency / factor;
    const smooth = (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

/** cos and sin of every position below `positions`, [positions, headDim / 2] each. */
export function rotaryTables(
  rotary: RotaryConfig,
  headDim: number,
  positions: number,
): { cos: Float32Array; sin: Float32Array } {
  const frequencies = inverseFrequencies(rotary, headDim);
  const half = frequencies.length;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      cos[position * half + i] = Math.cos(position * frequencies[i]!);
      sin[position * half + i] = Math.sin(position * frequencies[i]!);
    }
  }
  return { cos, sin };
}
