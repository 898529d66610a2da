// Evaluations and single games.

import { type EnvironmentDefinition, type Expert, findEnvironment } from '@ludic/environments';
import type { SamplingParams } from '@ludic/inference';
import { LanguageModelPolicy, type Policy, scriptedPolicy } from '@ludic/policies';
import {
  type EnvironmentSpec,
  type Episode,
  evaluate,
  evaluationStarts,
  type PlayOptions,
  playEpisodes,
} from '@ludic/rollouts';
import { isSuccess, resolveSpec } from '@ludic/rollouts/internal';
import type { Answers, GameLine, ModelPolicy, PolicyChoice, RequestOf } from '../protocol.ts';
import type { Work } from '../work.ts';
import { yieldingPolicy } from '../yield-to-event-loop.ts';

/** Games in lockstep: enough to share work, few enough to show how far it is. */
const BATCH = 250;

/** Plays the games of an evaluation. Its numbers are those of `ludic evaluate` with the same policy, games and seed. */
export async function answerEvaluate(request: RequestOf<'evaluate'>, work: Work): Promise<Answers['evaluate']> {
  return withPolicy(request, work, async (table, device) => {
    const began = performance.now();
    const seconds = () => (performance.now() - began) / 1000;
    let tokens = 0;
    let won = 0;
    const games: GameLine[] = [];
    const evaluation = await evaluate({
      ...table,
      episodes: request.episodes,
      seed: request.seed,
      batchSize: Math.min(BATCH, Math.max(1, Math.ceil(request.episodes / 4))),
      signal: work.signal,
      onProgress(played, fresh) {
        tokens += tokensOf(fresh);
        for (const episode of fresh) games.push(lineOf(episode));
        won += fresh.filter(isSuccess).length;
        const { episodes, policy } = request;
        const temperature = policy.kind === 'model' && { temperature: policy.temperature };
        const success_rate = won / played;
        work.report({ stage: 'playing', played, episodes, success_rate, ...temperature, tokens, seconds: seconds() });
      },
    });
    return { evaluation, games, device, seconds: seconds(), tokens };
  });
}

/** Of prompts and replies. */
function tokensOf(episodes: readonly Episode[]): number {
  let count = 0;
  for (const { turns } of episodes)
    for (const { reply } of turns)
      if (reply.tokens) count += reply.tokens.prompt.length + reply.tokens.completion.length;
  return count;
}

const lineOf = ({ seed, turns, reward, endReason, outcome, success }: Episode): GameLine => ({
  seed,
  reward,
  steps: turns.length,
  invalid: turns.filter(({ info }) => info.invalid).length,
  endReason,
  ...(outcome && { outcome }),
  ...(success !== undefined && { success }),
});

/** Plays some games of an evaluation whole, with prompts, replies and tokens. */
export async function answerRollout(request: RequestOf<'rollout'>, work: Work): Promise<Answers['rollout']> {
  return withPolicy(request, work, async (table, device) => {
    const starts = evaluationStarts(request.seed, request.episodes, request.from);
    return { episodes: await playEpisodes({ ...table, starts, signal: work.signal }), device };
  });
}

/** Has a game and its policy ready, and clears up when the play is over. */
async function withPolicy<T>(
  { game, policy: choice }: { readonly game: EnvironmentSpec; readonly policy: PolicyChoice },
  { models, report, signal }: Work,
  play: (table: Omit<PlayOptions, 'starts'>, device: string) => Promise<T>,
): Promise<T> {
  const playWith = async (policy: Policy, device: string) => {
    try {
      return await play({ ...game, policy: yieldingPolicy(policy) }, device);
    } finally {
      policy.dispose();
    }
  };
  if (choice.kind === 'scripted') {
    return playWith(scriptedPolicy(choice.name, expertOf(game, choice.name)), 'script');
  }
  const { name, device } = choice;
  const settings = settingsOf(choice, findEnvironment(game.environment));
  if (models.isTransformersModel(name))
    return models.withTransformersModel(name, device, report, (model) =>
      playWith(model.policy(settings), model.device),
    );
  return models.withModel(name, device, report, signal, (model) =>
    playWith(new LanguageModelPolicy(model, settings), model.runtime.device),
  );
}

/**
 * A maker of the scripted player of that name; each episode has its own.
 * @throws Error where the game has none
 */
export function expertOf(game: EnvironmentSpec, name: string): () => Expert {
  const { environment, config } = resolveSpec(game);
  const expert = Object.hasOwn(environment.experts, name) ? environment.experts[name] : undefined;
  if (!expert) throw new Error(`${environment.title} has no player ${name}: choose another policy.`);
  return () => expert(config);
}

/** How a model samples in the page: no top-k, no top-p, and a stop at the closing tag of the game's reply. */
export const settingsOf = (
  { temperature, maxCompletionLength }: ModelPolicy,
  { replyTag }: EnvironmentDefinition,
): SamplingParams => ({ temperature, topK: 0, topP: 1, maxCompletionLength, stop: [`</${replyTag}>`] });
