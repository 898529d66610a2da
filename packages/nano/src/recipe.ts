// How nano is made from nothing: a tokenizer whose tokens are the games' own sentences, and weights that have seen
// random legal replies and nothing else.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import type { WarmStartTask } from '@ludic/grpo';
import { HISTORY_STRATEGIES, HISTORY_TEXTS, type HistoryStrategy } from '@ludic/history';
import { type ModelConfig, trainTokenizer } from '@ludic/models';
import { scriptedPolicy } from '@ludic/policies';
import { evaluationStarts, playEpisodes } from '@ludic/rollouts';

export const NANO_ENVIRONMENTS = ['tic_tac_toe', 'key_door'] as const;

const SPECIAL_TOKENS = ['<|pad|>', '<|end|>', '<|system|>', '<|user|>', '<|assistant|>'] as const;

/** One control token before each message and one after it. */
export const NANO_CHAT_TEMPLATE = [
  "{%- for message in messages -%}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{%- endfor -%}",
  "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}",
].join('');

export const NANO_TOKENIZER_CONFIG = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  model_max_length: 2048,
  clean_up_tokenization_spaces: false,
  eos_token: '<|end|>',
  pad_token: '<|pad|>',
  chat_template: NANO_CHAT_TEMPLATE,
} as const;

export function nanoConfig(vocabSize: number): ModelConfig {
  return {
    family: 'llama',
    vocabSize,
    hiddenSize: 128,
    intermediateSize: 384,
    layers: 3,
    heads: 4,
    kvHeads: 4,
    headDim: 32,
    normEpsilon: 1e-5,
    rotary: { theta: 10_000 },
    tieWordEmbeddings: true,
    maxPositions: 2048,
    eosTokenIds: [1],
    padTokenId: 0,
  };
}

/** The replies of a random player in every game under every history. */
export function formatTasks(episodes: (environment: string, history: HistoryStrategy) => number): WarmStartTask[] {
  return NANO_ENVIRONMENTS.flatMap((id) =>
    HISTORY_STRATEGIES.map((history): WarmStartTask => {
      const definition = findEnvironment(id);
      const config = resolveConfig(definition, {});
      return {
        environment: definition,
        config,
        history,
        makeExpert: () => definition.experts.random(config),
        episodes: episodes(id, history),
      };
    }),
  );
}

/** tokenizer.json as data. */
export async function nanoTokenizer(): Promise<object> {
  const phrases = await gamePhrases();
  return trainTokenizer({ texts: phrases, phrases, specialTokens: SPECIAL_TOKENS, merges: 128 });
}

/** Every line that the games and the histories show, with its line break where it has one, and every plain reply. */
async function gamePhrases(): Promise<string[]> {
  const phrases = new Set<string>([
    '<scratchpad>\n',
    '</scratchpad>',
    '<scratchpad>',
    `${HISTORY_TEXTS.scratchpadHeader}\n`,
  ]);
  for (const { makeExpert, ...spec } of formatTasks(() => 0)) {
    const policy = scriptedPolicy('random', makeExpert);
    const episodes = await playEpisodes({ ...spec, policy, starts: evaluationStarts(0, 2000) });
    for (const { turns } of episodes) {
      for (const { prompt, reply } of turns) {
        phrases.add(reply.text);
        const shown = spec.history === 'FULL_HISTORY' ? prompt.slice(-1) : prompt;
        for (const { role, content } of shown)
          if (role !== 'assistant') for (const line of linesOf(content)) phrases.add(line);
      }
    }
  }
  return [...phrases].sort();
}

const linesOf = (text: string) => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
