// Evaluations and single games.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import { LanguageModelPolicy, type LanguageModelSettings, type Policy, scriptedPolicy } from '@ludic/policies';
import { type Episode, evaluate, evaluationStarts, playEpisodes, SUCCESS_REWARD, type Table } from '@ludic/rollouts';
import { breathingPolicy } from './breathing.ts';
import type { Models, Report } from './models.ts';
import type { Answers, Game, GameLine, PolicyChoice, RequestOf } from './protocol.ts';

/** Games in lockstep: enough to share work, few enough to show how far it is. */
const BATCH = 250;

interface Opened {
  readonly table: Table;
  readonly device: string;
}

export async function evaluateHere(
  request: RequestOf<'evaluate'>,
  models: Models,
  report: Report,
  signal: AbortSignal,
): Promise<Answers['evaluate']> {
  const { table, device } = await sitDown(request.game, request.policy, models, report, signal);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let tokens = 0;
  let won = 0;
  const games: GameLine[] = [];
  try {
    const evaluation = await evaluate({
      ...table,
      episodes: request.episodes,
      seed: request.seed,
      batchSize: Math.min(BATCH, Math.max(1, Math.ceil(request.episodes / 4))),
      signal,
      onProgress(played, fresh) {
        for (const { turns } of fresh)
          for (const { reply } of turns)
            tokens += reply.tokens ? reply.tokens.prompt.length + reply.tokens.completion.length : 0;
        for (const episode of fresh) games.push(lineOf(episode));
        won += fresh.filter(({ reward }) => reward > SUCCESS_REWARD).length;
        const { episodes } = request;
        report({ stage: 'playing', played, episodes, success: won / played, tokens, seconds: seconds() });
      },
    });
    return { evaluation, games, device, seconds: seconds(), tokens };
  } finally {
    table.policy.dispose();
  }
}

const lineOf = ({ seed, turns, reward, endReason, outcome }: Episode): GameLine => ({
  seed,
  reward,
  steps: turns.length,
  invalid: turns.filter(({ info }) => info.invalid).length,
  endReason,
  ...(outcome && { outcome }),
});

export async function rolloutHere(
  request: RequestOf<'rollout'>,
  models: Models,
  report: Report,
  signal: AbortSignal,
): Promise<Answers['rollout']> {
  const { table, device } = await sitDown(request.game, request.policy, models, report, signal);
  try {
    const starts = evaluationStarts(request.seed, request.episodes, request.from);
    return { episodes: await playEpisodes({ ...table, starts, signal }), device };
  } finally {
    table.policy.dispose();
  }
}

async function sitDown(
  { environment, config: raw, history }: Game,
  choice: PolicyChoice,
  models: Models,
  report: Report,
  signal: AbortSignal,
): Promise<Opened> {
  const definition = findEnvironment(environment);
  const config = resolveConfig(definition, raw);
  const table = (policy: Policy) => ({ definition, config, history, policy: breathingPolicy(policy) });
  if (choice.kind === 'scripted') {
    const expert = Object.hasOwn(definition.experts, choice.name) ? definition.experts[choice.name] : undefined;
    if (!expert) throw new Error(`${definition.title} has no player ${choice.name}: choose another policy.`);
    return { table: table(scriptedPolicy(choice.name, () => expert(config))), device: 'script' };
  }
  const settings: LanguageModelSettings = {
    temperature: choice.temperature,
    topK: 0,
    topP: 1,
    maxCompletionLength: choice.maxCompletionLength,
    stop: [`</${definition.replyTag}>`],
  };
  const foreign = await models.foreign(choice.name, choice.device, report);
  if (foreign) return { table: table(foreign.policy(settings)), device: foreign.device };
  const model = await models.resident(choice.name, choice.device, report, signal);
  const policy = new LanguageModelPolicy(model, settings);
  return { table: table(policy), device: model.runtime.device };
}
