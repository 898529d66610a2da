// The config.json that the metadata of a GGUF file amount to.

import { shown } from '../config/known-fields.ts';
import type { Json } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { GGUF_FAMILIES } from './families.ts';
import { bad } from './gguf-header.ts';
import type { GgufMetadata } from './metadata.ts';
import type { GgufTraits } from './traits.ts';

const FAMILIES = Object.entries(GGUF_FAMILIES);

/** @throws ModelError `unknown_family` or `bad_gguf` */
export function ggufConfig(metadata: GgufMetadata): { readonly traits: GgufTraits; readonly json: Json } {
  const { architecture } = metadata;
  const parts = metadata.number('split.count') ?? 1;
  if (parts > 1)
    throw bad(
      `it is one of ${parts} parts. Join them with "llama-gguf-split --merge" of llama.cpp, and give the whole`,
    );
  const [family, traits] = FAMILIES.find(([, one]) => one.architecture === architecture) ?? [];
  if (!traits) {
    const known = FAMILIES.map(([, one]) => one.architecture).join(', ');
    throw new ModelError('unknown_family', `Its architecture ${shown(architecture)} is not known. Known: ${known}.`);
  }
  const embeddings = metadata.tensors.get('token_embd.weight');
  if (!embeddings) throw bad('it has no token_embd.weight');
  const fields = traits.readConfig(metadata);
  // Of no use here: the vocabulary is counted, and layers are told apart by their tensors.
  metadata.number(`${architecture}.vocab_size`);
  return {
    traits,
    json: {
      model_type: family,
      vocab_size: embeddings.shape[0],
      tie_word_embeddings: !metadata.tensors.has('output.weight'),
      ...fields,
      ...specialTokens(metadata),
      ...metadata.unheeded,
    },
  };
}

function specialTokens(metadata: GgufMetadata): Json {
  const id = (name: string) => metadata.number(`tokenizer.ggml.${name}_token_id`);
  // The ends of a turn and of a message, where a model has them beside the end of a text.
  const ends = [id('eos'), id('eot'), id('eom')].filter((one) => one !== undefined);
  return { bos_token_id: id('bos') ?? null, eos_token_id: [...new Set(ends)], pad_token_id: id('padding') ?? null };
}
