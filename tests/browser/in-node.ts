// The same work in Node, for the tests of browsers: the games that are compared, who plays them, what of an episode must be
// equal.

import { fileURLToPath } from 'node:url';
import type { PolicyChoice } from '../../apps/evaluator/src/engine/protocol.ts';
import { findEnvironment, resolveConfig } from '../../packages/environments/src/index.ts';
import { openLanguageModel } from '../../packages/inference/src/index.ts';
import { openModelFolder } from '../../packages/models/src/node.ts';
import { NANO_FOLDER } from '../../packages/nano/src/index.ts';
import { LanguageModelPolicy, scriptedPolicy } from '../../packages/policies/src/index.ts';
import type { EnvironmentSpec } from '../../packages/rollouts/src/index.ts';
import { type Episode, evaluationStarts, playEpisodes } from '../../packages/rollouts/src/index.ts';
import { createRuntime } from '../../packages/runtime/src/node.ts';

export const nanoFolder = fileURLToPath(NANO_FOLDER);
export const openNano = async () => openLanguageModel(await openModelFolder(nanoFolder), await createRuntime());

export const TIC_TAC_TOE: EnvironmentSpec = { environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' };
export const KEY_DOOR: EnvironmentSpec = { environment: 'key_door', config: { max_steps: 5 }, history: 'NO_HISTORY' };
export const nanoOn = (device: 'cpu' | 'webgpu'): PolicyChoice => ({
  kind: 'model',
  name: 'nano',
  device,
  temperature: 0,
  maxCompletionLength: 8,
});

export async function sitDown({ environment, config: raw, history }: EnvironmentSpec, choice: PolicyChoice) {
  const definition = findEnvironment(environment);
  const config = resolveConfig(definition, raw);
  const policy =
    choice.kind === 'scripted'
      ? scriptedPolicy(choice.name, () => definition.experts[choice.name]!(config))
      : new LanguageModelPolicy(await openNano(), {
          temperature: choice.temperature,
          topK: 0,
          topP: 1,
          maxCompletionLength: choice.maxCompletionLength,
          stop: [`</${definition.replyTag}>`],
        });
  return { policy, table: { environment: definition, config, history } };
}

/** Episodes that Node plays, as the page is asked to in `rollout` with seed 7. */
export async function playInNode(game: EnvironmentSpec, choice: PolicyChoice, episodes: number): Promise<Plain[]> {
  const { policy, table } = await sitDown(game, choice);
  const played = await playEpisodes({ ...table, policy, starts: evaluationStarts(7, episodes) });
  policy.dispose();
  return played.map(plain);
}

export type Plain = ReturnType<typeof plain>;

/** An episode but for its log-probabilities, which are equal up to rounding alone. */
export const plain = ({ turns, ...episode }: Episode) => ({
  ...episode,
  turns: turns.map(({ reply: { tokens, ...reply }, ...turn }) => ({
    ...turn,
    reply: {
      ...reply,
      ...(tokens && { prompt: Object.values(tokens.prompt), completion: Object.values(tokens.completion) }),
    },
  })),
});
