// For tests: a model that calls tools, as files. Its layers add nothing, so that each token alone decides the next one, and
// its head is written so that the replies below follow. The tokenizer, the template and the forms of the calls are real.

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkpointFiles, type FileContent, initialParameters, readConfig, trainTokenizer } from '@ludic/models';
import { writeFilesAtomically } from '@ludic/models/node';
import type { ModelOrigin } from '../src/models/model-source.ts';

/** What follows the last token of a prompt: without tools, with them, and after a result. */
const GREETS = '<|greets|>';
const CALLS = '<|calls|>';
const ANSWERS = '<|answers|>';
const END = '<|end|>';

export const GREETING = ['Hello', ', you.'];
export const ANSWER = ['The door', ' is blue.'];
/** In Hermes' form, whose marks are words; and two in Mistral's, whose mark is a special token. */
const CALL = {
  hermes: ['Let me look.', '\n<tool_call>\n', '{"name": "look", "arguments": ', '{"at": "door"}', '}\n</tool_call>'],
  mistral: ['[TOOL_CALLS]', ' [{"name": "look", "arguments": {"at": "door"}}, ', '{"name": "smell", "arguments": {}}]'],
};

const WRITES_CALLS = {
  hermes: `<tool_call>{{ call.function | tojson }}</tool_call>`,
  mistral: `[TOOL_CALLS]{{ [call.function] | tojson }}`,
};

/** ChatML, and one of those tokens where the model begins. */
const templateOf = (form: keyof typeof CALL) =>
  `{% if tools %}<|system|>{{ tools | tojson }}${END}{% endif %}` +
  `{% for message in messages %}<|{{ message.role }}|>{{ message.content }}` +
  `{% for call in message.tool_calls %}${WRITES_CALLS[form]}{% endfor %}${END}{% endfor %}` +
  `{% if messages[-1].role == 'tool' %}${ANSWERS}{% elif tools %}${CALLS}{% else %}${GREETS}{% endif %}`;

/** Heads of 36 numbers each; no fewer numbers than there are tokens. */
const HIDDEN = 288;
/** Beside it all other tokens are as good as never drawn. */
const LOGIT = 50;

/** The model's folder, made anew. */
export async function callingModel(form: keyof typeof CALL = 'hermes'): Promise<ModelOrigin & { from: 'store' }> {
  const chains = [
    [GREETS, ...GREETING, END],
    [ANSWERS, ...ANSWER, END],
    [CALLS, ...CALL[form], END],
  ];
  const specialTokens = [END, GREETS, CALLS, ANSWERS, ...(form === 'mistral' ? ['[TOOL_CALLS]'] : [])];
  const phrases = chains.flat().filter((token) => !specialTokens.includes(token));
  const json = trainTokenizer({ texts: [], phrases, specialTokens, merges: 0 }) as {
    added_tokens: readonly { readonly id: number; readonly content: string }[];
  };
  const idOf = new Map(json.added_tokens.map(({ id, content }) => [content, id]));
  const config = readConfig({
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_size: HIDDEN,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 8,
    num_key_value_heads: 1,
    hidden_act: 'silu',
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
    vocab_size: Math.max(...idOf.values()) + 1,
    eos_token_id: idOf.get(END),
  });
  const parameters = initialParameters(config, 0);
  const weights = (name: string) => parameters[name]!.data as Float32Array;
  for (const name of Object.keys(parameters)) if (!name.includes('norm')) weights(name).fill(0);
  for (let id = 0; id < config.vocabSize; id++) weights('model.embed_tokens.weight')[id * HIDDEN + id] = 1;
  for (const chain of chains)
    for (const [i, token] of chain.slice(1).entries())
      weights('lm_head.weight')[idOf.get(token)! * HIDDEN + idOf.get(chain[i]!)!] = LOGIT;
  const name = `calling-${form}`;
  const folder = join(await mkdtemp(join(tmpdir(), 'ludic-calling-')), name);
  const files = new Map<string, FileContent>([
    ...checkpointFiles(config, parameters),
    ['tokenizer.json', JSON.stringify(json)],
    ['tokenizer_config.json', JSON.stringify({ eos_token: END })],
    ['generation_config.json', JSON.stringify({ eos_token_id: idOf.get(END) })],
    ['chat_template.jinja', templateOf(form)],
  ]);
  await writeFilesAtomically(folder, files);
  return { from: 'store', model: { name, folder } };
}
