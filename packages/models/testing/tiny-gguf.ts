// For tests: a llama of a few thousand numbers with a tokenizer that GGUF has a name for.

import type { Json } from '../src/config/model-config.ts';
import { type GgufDtype, ggufFile, initialParameters, readConfig, type TokenizerFiles } from '../src/index.ts';
import { addedToken, bpeModel, byteLevelBpe } from '../src/text/byte-level-bpe.ts';

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

/** How Llama 3.1 stretches positions. */
export const LLAMA31_SCALING: Json = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

/** Letters of SentencePiece with their merges, all bytes, and its special tokens, as Llama 2 has them. */
export function pieces(isPrefixed: boolean): TokenizerFiles {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const merges: [string, string][] = [
    ['▁', 'a'],
    ['▁a', 'b'],
    ['a', 'b'],
    ['ab', 'c'],
  ];
  const letters = Array.from('▁abcdefghijklmnopqrstuvwxyz.,0123456789');
  const all = ['<unk>', '<s>', '</s>', ...bytes, ...merges.map((pair) => pair.join('')), ...letters];
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [0, 1, 2].map((id) => addedToken(id, all[id]!, { special: true })),
    normalizer: isPrefixed ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, spaces] } : spaces,
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(isPrefixed ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: bpeModel(Object.fromEntries(all.map((token, id) => [token, id])), merges, {
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
    }),
  };
  return new Map([
    ['tokenizer.json', JSON.stringify(json)],
    ['tokenizer_config.json', JSON.stringify({ bos_token: '<s>', eos_token: '</s>', chat_template: TEMPLATE })],
  ]);
}

/** That model as a file. */
export async function tinyGguf(dtype: GgufDtype = 'q8_0'): Promise<Uint8Array> {
  const { config, parameters } = tiny();
  return Uint8Array.from(
    Buffer.concat([...(await ggufFile(config, parameters, tokenizer(), { dtype, name: 'tiny' }))]),
  );
}
