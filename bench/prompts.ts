// What the benches of updates ask: conversations of KeyDoor, all different and of about the same length.

import { findEnvironment, resolveConfig } from '../packages/environments/src/index.ts';
import type { Message } from '../packages/history/src/index.ts';
import type { LanguageModel } from '../packages/inference/src/index.ts';
import { scriptedPolicy } from '../packages/policies/src/index.ts';
import { evaluationStarts, playEpisodes } from '../packages/rollouts/src/index.ts';

export const PROMPT_LENGTH = 32;

/** `count` conversations of about `PROMPT_LENGTH` tokens, as a random player leads them. */
export async function differentPrompts(
  { tokenizer, template }: Pick<LanguageModel, 'tokenizer' | 'template'>,
  count: number,
): Promise<readonly (readonly Message[])[]> {
  const definition = findEnvironment('key_door');
  const config = resolveConfig(definition, {});
  const policy = scriptedPolicy('random', () => definition.experts.random!(config));
  const starts = evaluationStarts(0, 2 * count);
  const episodes = await playEpisodes({ environment: definition, config, history: 'FULL_HISTORY', policy, starts });
  const length = (messages: readonly Message[]) =>
    tokenizer.encode(template.render(messages, { addGenerationPrompt: true })).length;
  const prompts = episodes.flatMap(({ turns }) => {
    const fitting = turns.find(({ prompt }) => length(prompt) >= PROMPT_LENGTH - 4);
    return fitting && length(fitting.prompt) <= PROMPT_LENGTH + 4 ? [fitting.prompt] : [];
  });
  if (prompts.length < count) throw new Error(`only ${prompts.length} prompts of about ${PROMPT_LENGTH} tokens`);
  return prompts.slice(0, count);
}
