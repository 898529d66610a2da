// Names of settings, as people read them.

/** Words that are written in their own way. */
const WORDS: Readonly<Record<string, string | undefined>> = {
  lora: 'LoRA',
  onnx: 'ONNX',
  wandb: 'Weights & Biases',
  tensorboard: 'TensorBoard',
};

/** The first letter as a capital; all else stays. */
export const sentenceCase = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** @param name in snake_case */
export const labelOf = (name: string) =>
  sentenceCase(
    name
      .split('_')
      .map((word) => WORDS[word] ?? word)
      .join(' '),
  );
