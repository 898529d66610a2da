// The warm start of a run: before its first step the model learns the format of replies, where the settings ask for that
// or where it turns out not to know it. What it is then is the model that the run starts from.

import type { HistoryStrategy, Message } from '@ludic/history';
import { type LanguageModel, Sampler } from '@ludic/inference';
import { trainedParameters } from '@ludic/inference/internal';
import { stream } from '@ludic/random';
import { randomGames } from '../run/probe-prompts.ts';
import type { TrainSettings } from '../settings/train-settings.ts';
import { policyOf, specOf } from '../trainer/played-spec.ts';
import { AUTO_WARM_START, TAUGHT_MISTAKES, type WarmStartPlan, warmStartRate } from './plan.ts';
import { measureReplyFormat, needsWarmStart, type ReplyFormat } from './reply-format.ts';
import { type WarmStartTask, warmStart } from './warm-start.ts';

/** How a warm start went, and whether there was one. */
export interface WarmStartResult {
  /** Undefined where the model knew the format. */
  readonly plan: WarmStartPlan | undefined;
  readonly before: ReplyFormat;
  readonly after: ReplyFormat;
  /** Of the last step. */
  readonly loss: number | undefined;
}

/** One optimizer step of a warm start, from 1 to `steps`. */
export interface WarmStartProgress {
  readonly step: number;
  readonly steps: number;
  /** Negative log-likelihood of a token in nats, before the step. */
  readonly loss: number;
}

/** How many numbers learn. */
function sizeOf(model: LanguageModel): number {
  const shapes = [...trainedParameters(model).shapes.values()];
  return shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/** Replies that a step of `auto` teaches, about: of one long game or of several short ones. */
const REPLIES = 40;

async function gamesOfStep(settings: TrainSettings): Promise<number> {
  const games = await randomGames(settings);
  const turns = games.reduce((sum, game) => sum + game.turns.length, 0);
  return Math.max(1, Math.ceil((REPLIES * games.length) / Math.max(1, turns)));
}

/** The model with a copy of what is about to learn. */
async function frozen(model: LanguageModel): Promise<{ readonly model: LanguageModel; readonly dispose: () => void }> {
  const { parameters, adapter } = model;
  const copy = await (adapter?.parameters ?? parameters).copy();
  const same = adapter ? { ...model, adapter: { ...adapter, parameters: copy } } : { ...model, parameters: copy };
  return { model: same, dispose: () => copy.dispose() };
}

/** The part of the model, as it was before, in the teaching: it plays, or it replies where the notes of a player end. */
interface OwnPart {
  readonly task: Pick<WarmStartTask, 'own' | 'player'>;
  readonly dispose: () => void;
}

function ownPlay(model: LanguageModel, settings: TrainSettings, history: HistoryStrategy): OwnPart {
  const policy = policyOf(model, settings, specOf(settings), settings.temperature);
  const { givenNotes } = settings;
  return { task: { player: { policy, history, givenNotes } }, dispose: () => policy.dispose() };
}

function ownReplies(model: LanguageModel, settings: TrainSettings): OwnPart {
  const sampler = new Sampler(model);
  const random = stream(settings.seed, 'warm start', 'own replies');
  const { temperature, maxCompletionLength } = settings;
  const stop = [`</${specOf(settings).environment.replyTag}>`];
  const own = async (prompts: readonly (readonly Message[])[]) => {
    const asked = prompts.map((messages) => ({ messages, random }));
    const replies = await sampler.sample(asked, { temperature, maxCompletionLength, stop, topK: 0, topP: 1 });
    return replies.map(({ text }) => text);
  };
  return { task: { own }, dispose: () => sampler.dispose() };
}

/** Trains the model in place; undefined where the settings ask for none. */
export async function beginWithFormat(
  model: LanguageModel,
  settings: TrainSettings,
  onStep: (progress: WarmStartProgress) => unknown,
  signal?: AbortSignal,
): Promise<WarmStartResult | undefined> {
  const choice = settings.warmStart;
  if (choice === undefined) return undefined;
  const formatBefore = await measureReplyFormat(model, settings, signal);
  if (choice === 'auto' && !needsWarmStart(formatBefore))
    return { plan: undefined, before: formatBefore, after: formatBefore, loss: undefined };
  const plan = choice === 'auto' ? { ...AUTO_WARM_START, episodes: await gamesOfStep(settings) } : choice;
  const spec = specOf(settings);
  const player = spec.environment.experts[plan.player ?? 'random']!;
  const makeExpert = () => player(spec.config);
  const needsOwn = plan.history !== undefined || plan.teach === 'notes';
  const before = needsOwn ? await frozen(model) : undefined;
  const own =
    before &&
    (plan.history === undefined ? ownReplies(before.model, settings) : ownPlay(before.model, settings, plan.history));
  const task = {
    ...spec,
    makeExpert,
    episodes: plan.episodes,
    mistakes: TAUGHT_MISTAKES,
    ...own?.task,
  };
  let loss: number | undefined;
  const taught = warmStart(model, {
    tasks: [task],
    steps: plan.steps,
    learningRate: plan.learningRate ?? warmStartRate(sizeOf(model)),
    seed: settings.seed,
    tokenBudget: settings.tokenBudget,
    signal,
  });
  try {
    for await (const step of taught) {
      loss = step.loss;
      await onStep({ step: step.step, steps: plan.steps, loss });
    }
  } finally {
    own?.dispose();
    before?.dispose();
  }
  return { plan, before: formatBefore, after: await measureReplyFormat(model, settings, signal), loss };
}
