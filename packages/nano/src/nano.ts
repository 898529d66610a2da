// What nano is: its shape, its tokenizer and what it has seen. It is there to be trained on any machine and in a browser,
// so it is small and its tokens are the games' own sentences; and all of its skill is to come from training, so it has
// seen random legal replies and nothing else.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import type { WarmStartTask } from '@ludic/grpo';
import { HISTORY_STRATEGIES, HISTORY_TEXTS, type HistoryStrategy } from '@ludic/history';
import { type ModelConfig, trainTokenizer } from '@ludic/models';
import { scriptedPolicy } from '@ludic/policies';
import { evaluationStarts, playEpisodes } from '@ludic/rollouts';

const ENVIRONMENTS = ['tic_tac_toe', 'key_door'];

/** They get the first ids, in this order: `<|pad|>` is 0, and `<|end|>`, which ends a reply, is 1. */
const SPECIAL_TOKENS = ['<|pad|>', '<|end|>', '<|system|>', '<|user|>', '<|assistant|>'] as const;

/** One control token before each message and one after it: fewer than ChatML's, and prompts of these games are short. */
export const NANO_CHAT_TEMPLATE = [
  "{%- for message in messages -%}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{%- endfor -%}",
  "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}",
].join('');

/** What Python's transformers and transformers.js need beside tokenizer.json. */
export const NANO_TOKENIZER_CONFIG = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  model_max_length: 2048,
  clean_up_tokenization_spaces: false,
  eos_token: '<|end|>',
  pad_token: '<|pad|>',
  chat_template: NANO_CHAT_TEMPLATE,
} as const;

/**
 * Llama's network, which all libraries read, with 0.7 M parameters. Its positions hold a whole game under FULL_HISTORY, at
 * a token for each sentence.
 */
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
    // `<|end|>` and `<|pad|>`, the first of SPECIAL_TOKENS.
    eosTokenIds: [1],
    padTokenId: 0,
  };
}

/**
 * The replies of a random player in every game under every history. Legal replies alone are shown, each as likely as any
 * other: what nano plays better later it has learned by reinforcement.
 */
export function formatTasks(episodes: (environment: string, history: HistoryStrategy) => number): WarmStartTask[] {
  return ENVIRONMENTS.flatMap((id) =>
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

/** tokenizer.json as data: a token for each sentence of the games, and pieces and bytes for any other text. */
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
    // So many that hardly a line of the games is missing; one that is costs a few tokens more.
    const episodes = await playEpisodes({ ...spec, policy, starts: evaluationStarts(0, 2000) });
    for (const { turns } of episodes) {
      for (const { prompt, reply } of turns) {
        phrases.add(reply.text);
        // With all turns in it, a prompt repeats the lines of those before.
        const shown = spec.history === 'FULL_HISTORY' ? prompt.slice(-1) : prompt;
        for (const { role, content } of shown)
          if (role !== 'assistant') for (const line of linesOf(content)) phrases.add(line);
      }
    }
  }
  return [...phrases].sort();
}

const linesOf = (text: string) => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
