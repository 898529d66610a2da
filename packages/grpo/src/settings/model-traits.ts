// What the settings of a run are decided from about its model: how large it is, and what it knows of reply formats.

import { parseObject } from '@ludic/io';
import { type ModelConfig, type ModelFiles, readModelConfig, tensorsOf } from '@ludic/models';

/**
 * nano: Ludic's own little model, or one trained from it, which knows the reply formats of the built-in games. base: a
 * model that may know no format. instruct: a model that follows instructions.
 */
export const MODEL_KINDS = ['nano', 'base', 'instruct'] as const;
/** What a model is taken to know of reply formats. Learning rate, batch size and reply length are chosen by it. */
export type ModelKind = (typeof MODEL_KINDS)[number];

/** What decides settings about a model: `decideSettings` looks at nothing else of it. */
export interface ModelTraits {
  readonly kind: ModelKind;
  /** How many numbers it has. */
  readonly parameters: number;
  /** Its chat template knows `enable_thinking`: it writes thoughts before a reply where that is not switched off. */
  readonly thinks?: boolean;
}

/** What nano is, where its files are not at hand. */
export const NANO_TRAITS: ModelTraits = { kind: 'nano', parameters: 716_672 };

/** @throws ModelError where the files are no model */
export async function modelTraits(files: ModelFiles): Promise<ModelTraits> {
  const config = await readModelConfig(files);
  const parameters = [...tensorsOf(config).values()].reduce(
    (sum, { shape }) => sum + shape.reduce((size, length) => size * length, 1),
    0,
  );
  if (isNano(config)) return { kind: 'nano', parameters };
  const template = await ownTemplate(files);
  if (template === undefined) return { kind: 'base', parameters };
  return { kind: 'instruct', parameters, ...(template.includes('enable_thinking') && { thinks: true }) };
}

/** Its shape is no other model's: runs that start from nano keep it. */
const isNano = ({ family, vocabSize, hiddenSize, layers }: ModelConfig) =>
  family === 'llama' && vocabSize === 600 && hiddenSize === 128 && layers === 3;

/** Models that were taught to follow instructions come with a chat template; base models mostly do not. */
async function ownTemplate(files: ModelFiles): Promise<string | undefined> {
  const file = await files.read('chat_template.jinja');
  if (file) return new TextDecoder().decode(file);
  const bytes = await files.read('tokenizer_config.json');
  const template = parseObject(new TextDecoder().decode(bytes))?.chat_template;
  return template ? JSON.stringify(template) : undefined;
}

const UNKNOWN_SIZE = 500_000_000;

/** What a name as `Qwen2.5-0.5B-Instruct` says of a model whose files are not here yet. */
export function traitsOfName(name: string): ModelTraits {
  const size = /(?:^|[^a-z0-9.])(\d+(?:\.\d+)?)\s*([mb])(?![a-z0-9])/i.exec(name);
  const unit = size?.[2]?.toLowerCase() === 'b' ? 1e9 : 1e6;
  return {
    kind: /instruct|chat|(?:^|[-_])it(?:$|[-_@])/i.test(name) ? 'instruct' : 'base',
    parameters: size ? Number(size[1]) * unit : UNKNOWN_SIZE,
  };
}
