// A run as a recipe: all of its settings, so that later defaults do not change it.

import { trainingFields } from '@ludic/grpo/internal';
import type { RunConfig } from '@ludic/grpo/node';

/** As `train --recipe` reads it. */
export function recipeOf({ model, settings, onnx, threads }: RunConfig): {
  readonly title: string;
  readonly train: Readonly<Record<string, unknown>>;
} {
  const fields = Object.entries(trainingFields(settings))
    // A switch that is off has no option.
    .filter(([, value]) => value !== false)
    .filter(([name, value]) => !(name === 'lora_targets' && Array.isArray(value) && value.length === 0))
    .map(([name, value]) => [name.replaceAll('_', '-'), value]);
  return {
    title: `${settings.environment}, ${settings.history}, from ${model}`,
    train: {
      env: settings.environment,
      'env-config': settings.environmentConfig,
      model,
      ...Object.fromEntries(fields),
      ...(onnx && { onnx }),
      ...(threads !== undefined && { threads }),
    },
  };
}
