// For tests: a llama of a few thousand numbers with a tokenizer that GGUF has a name for.

import type { Json } from '../src/config/model-config.ts';
import { type GgufDtype, ggufFile, initialParameters, readConfig, type TokenizerFiles } from '../src/index.ts';
import { addedToken, byteLevelBpe } from '../src/text/byte-level-bpe.ts';

const TEMPLATE = "{% for message in messages %}{{ message.role + ': ' + message.content + '\n' }}{% endfor %}";
/** Letters and a few merges, and a token that ends a text. */
export const tokenizer = (): TokenizerFiles => {
  const letters = Array.from('abcdefghijklmnopqrstuvwxyzĠ0123456789');
  const merges: [string, string][] = [
    ['Ġ', 'a'],
    ['a', 'b'],
    ['ab', 'c'],
  ];
  const all = ['<|end|>', ...letters, ...merges.map((pair) => pair.join(''))];
  const json = byteLevelBpe({
    addedTokens: [addedToken(0, '<|end|>', { special: true })],
    vocab: Object.fromEntries(all.map((token, id) => [token, id])),
    merges,
    splitWords: true,
    addPrefixSpace: false,
  });
  return new Map([
    ['tokenizer.json', JSON.stringify(json)],
    ['tokenizer_config.json', JSON.stringify({ eos_token: '<|end|>', chat_template: TEMPLATE })],
  ]);
};

const LLAMA: Json = {
  model_type: 'llama',
  vocab_size: 64,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  rope_theta: 10000,
  tie_word_embeddings: true,
  eos_token_id: 0,
};
export const tiny = (more: Json = {}) => {
  const config = readConfig({ ...LLAMA, ...more });
  return { config, parameters: initialParameters(config, 1) };
};

/** That model as a file. */
export async function tinyGguf(dtype: GgufDtype = 'q8_0'): Promise<Uint8Array> {
  const { config, parameters } = tiny();
  return Uint8Array.from(
    Buffer.concat([...(await ggufFile(config, parameters, tokenizer(), { dtype, name: 'tiny' }))]),
  );
}
