// Warm start: supervised training on the replies of a scripted player, so that a model knows the format of replies
// before it learns to play. With the `random` player it learns the format and nothing else.

import { type EnvironmentDefinition, type Expert, rulesOf } from '@ludic/environments';
import { buildMessages, type Message, readScratchpad } from '@ludic/history';
import type { LanguageModel } from '@ludic/inference';
import { PromptEncoder } from '@ludic/inference/internal';
import { type PolicyRequest, scriptedPolicy } from '@ludic/policies';
import {
  type EnvironmentSpec,
  type Episode,
  type EpisodeStart,
  groupStarts,
  type PlayOptions,
  playEpisodes,
  type Turn,
} from '@ludic/rollouts';
import type { Sample } from '../batching/samples.ts';
import { GrpoError } from '../errors.ts';
import { DEFAULT_ADAMW } from '../optimizer/adamw.ts';
import { learningRateAt } from '../settings/schedule.ts';
import { Learner } from '../trainer/learner.ts';
import { erringPlayer } from './erring-player.ts';
import { scratchpadPart, withoutScratchpads, withScratchpad } from './taught-notes.ts';

/** A game under a history whose replies are to be learned. */
export interface WarmStartTask extends EnvironmentSpec<EnvironmentDefinition> {
  /** Makes the player whose replies are learned. */
  readonly makeExpert: () => Expert;
  /** Episodes of each step. */
  readonly episodes: number;
  /** Share of the turns at which the player errs; such replies are not learned, those after them are. Default: 0. */
  readonly mistakes?: number;
  /**
   * Where given, of the player's replies the scratchpads alone are learned, and for the rest what this says: the model's own
   * replies of before to the same prompts. So it keeps its moves.
   */
  readonly own?: (prompts: readonly (readonly Message[])[]) => Promise<readonly string[]>;
  /**
   * Where given, the games are played by this policy under its own history, and what it replies there is learned under
   * `history`: what a model knows before one kind of prompt it then knows before another. Scratchpads are left out.
   */
  readonly player?: Pick<PlayOptions, 'policy' | 'history' | 'givenNotes'>;
}

/** Supervised training on the replies of scripted players: the games, and how long and how fast they are learned. */
export interface WarmStartSettings {
  /** Every task weighs the same, however many tokens its games have. */
  readonly tasks: readonly WarmStartTask[];
  /** Optimizer steps. */
  readonly steps: number;
  /** The highest rate of AdamW: 10 steps of warmup, then a cosine down to a fiftieth of it. */
  readonly learningRate: number;
  /** Names the openings and random streams of the games. */
  readonly seed: number;
  /** Token slots of a micro-batch, padding included. */
  readonly tokenBudget: number;
  readonly signal?: AbortSignal;
}

/** What one optimizer step of a warm start has done. */
export interface WarmStartStep {
  /** The first is 1. */
  readonly step: number;
  /** Negative log-likelihood of a token in nats, the mean over tasks of their means. */
  readonly loss: number;
  /** Replies that were learned from in this step. */
  readonly replies: number;
}

interface TaughtReply extends Pick<PolicyRequest, 'messages' | 'tools'> {
  readonly reply: string;
}

/** Trains the model in place, or its adapter where it has one, step by step. */
export async function* warmStart(model: LanguageModel, settings: WarmStartSettings): AsyncGenerator<WarmStartStep> {
  const { runtime, config, parameters, adapter, baseBits, tokenizer, template } = model;
  const encoder = new PromptEncoder(tokenizer, template);
  const learner = new Learner({
    runtime,
    config,
    parameters,
    adapter,
    baseBits,
    objective: 'supervised',
    adamw: DEFAULT_ADAMW,
    temperature: 1,
    tokenBudget: settings.tokenBudget,
  });
  // A reply that the game's closing tag does not end is ended by the model.
  const [endToken] = config.eosTokenIds;
  const wholeReply = (ids: Int32Array, isEnded: boolean) =>
    isEnded || endToken === undefined ? ids : Int32Array.from([...ids, endToken]);
  const { learningRate } = settings;
  const schedule = { learningRate, schedule: 'cosine', warmupSteps: 10, finalRate: 0.02 } as const;
  try {
    for (let step = 1; step <= settings.steps; step++) {
      settings.signal?.throwIfAborted();
      const samples: Sample[] = [];
      for (const [t, task] of settings.tasks.entries()) {
        const starts = groupStarts({
          seed: settings.seed,
          step: step * settings.tasks.length + t,
          groups: task.episodes,
          groupSize: 1,
        });
        const taught = await taughtReplies(task, starts);
        const replies = taught
          .map(({ messages, tools, reply }) => ({
            prompt: encoder.encode(messages, tools),
            completion: wholeReply(tokenizer.encode(reply), reply.endsWith(`</${task.environment.replyTag}>`)),
          }))
          // What the model has no room for it will not be asked for either.
          .filter(({ prompt, completion }) => prompt.length + completion.length <= config.maxPositions);
        if (replies.length === 0) continue;
        // Every task weighs the same, however many tokens its games have.
        const tokens = replies.reduce((sum, { completion }) => sum + completion.length, 0);
        const weight = 1 / (tokens * settings.tasks.length);
        for (const reply of replies)
          samples.push({ ...reply, oldLogprobs: new Float32Array(reply.completion.length), advantage: 1, weight });
      }
      if (samples.length === 0)
        throw new GrpoError(
          'bad_setting',
          `No reply can be taught: every prompt is longer than the ${config.maxPositions} tokens that the model has room for.`,
        );
      const { loss } = await learner.accumulate(samples);
      await learner.step(learningRateAt(schedule, step, settings.steps));
      yield { step, loss, replies: samples.length };
    }
  } finally {
    await learner.dispose();
  }
}

async function taughtReplies(task: WarmStartTask, starts: readonly EpisodeStart[]): Promise<TaughtReply[]> {
  const { makeExpert, mistakes = 0, own, player: other, ...spec } = task;
  if (other) {
    const episodes = await playEpisodes({ ...spec, ...other, starts });
    return episodes.flatMap((episode) => underHistory(spec, episode));
  }
  const player = scriptedPolicy('teacher', makeExpert);
  const faultless = spec.history === 'SCRATCHPAD' ? withScratchpad(player, spec.environment, spec.config) : player;
  const { policy, isMistake } =
    mistakes > 0 ? erringPlayer(faultless, mistakes) : { policy: faultless, isMistake: () => false };
  const episodes = await playEpisodes({ ...spec, policy, starts });
  const right = episodes.flatMap(({ turns }) => turns.filter(({ reply }) => !isMistake(reply)));
  if (!own) return right.map(({ prompt, request, reply }) => ({ messages: prompt, ...request, reply: reply.text }));
  const isNoted = ({ reply }: Turn) => readScratchpad(reply.text) !== undefined;
  // Few replies that leave the scratchpad as it is are enough, since what notes look like is to be learned.
  const taught = right.filter((turn, i) => isNoted(turn) || i % 20 === 0);
  if (taught.length === 0) return [];
  const moves = await own(taught.map(({ prompt }) => prompt));
  return taught.map((turn, i) => ({
    messages: turn.prompt,
    reply: scratchpadPart(turn.reply.text) + withoutScratchpads(moves[i]!),
  }));
}

/** The turns of an episode as `history` shows them, and the replies without their scratchpads. */
function underHistory(
  { environment, config, history }: EnvironmentSpec<EnvironmentDefinition>,
  { turns }: Episode,
): TaughtReply[] {
  const systemPrompt = rulesOf(environment, config);
  const replies = turns.map(({ observation, reply }) => ({ observation, reply: withoutScratchpads(reply.text) }));
  return replies.map(({ observation, reply }, turn) => ({
    messages: buildMessages(history, { systemPrompt, turns: replies.slice(0, turn), observation, optimalMemory: '' }),
    reply,
  }));
}
