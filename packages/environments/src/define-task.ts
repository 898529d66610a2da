// Single-turn tasks from data: an item makes the prompt, the reply is judged by one reward function or by several. A game of one
// turn, whose episodes draw their items by their seeds: those of training and those of evaluations never share a prompt.

import { deriveSeed, type RandomStream } from '@ludic/random';
import type { ConfigOf } from './config.ts';
import type { Awaitable, EnvironmentDefinition, Expert, Split, SyncEnvironmentDefinition } from './contract.ts';
import { defineEnvironment, type Move } from './define-environment.ts';
import { EnvironmentError } from './errors.ts';

/**
 * How good an answer is; a promise where it asks for that, such as a judge behind an endpoint.
 * @param answer the text in the tag, without white space around it
 */
export type RewardFunction<Item, Reward = Awaitable<number>> = (answer: string, item: Item) => Reward;

/** A reward function that counts `weight` times. */
export interface WeightedReward<Item, Reward = Awaitable<number>> {
  readonly weight: number;
  readonly reward: RewardFunction<Item, Reward>;
}

/** A task: data, and how a reply is judged. `Reward` is what its reward functions return. */
export interface TaskRules<Item, Reward = Awaitable<number>> {
  /** Name in the registry: lower case with underscores. */
  readonly id: string;
  /** Default: the id. */
  readonly title?: string;
  /** Default: the instruction. */
  readonly description?: string;
  /** What the policy is told first. The form of the reply is added where it does not say the tag. */
  readonly instruction: string;
  /** Name of the tag that holds the answer. Default: `answer`. */
  readonly replyTag?: string;
  /** One list, of which `evaluationShare` is kept for evaluations, or a list for each. */
  readonly items: readonly Item[] | Readonly<Record<Split, readonly Item[]>>;
  /** Share of the different prompts that are kept for evaluations, between 0 and 1. Default: 0.2. */
  readonly evaluationShare?: number;
  /** Default: the field `prompt` of the item. */
  readonly prompt?: (item: Item) => string;
  /** The right answer, for the player `expert` and the default reward. Default: the field `answer` of the item, if any. */
  readonly answer?: (item: Item) => string;
  /**
   * An answer of the right form, for the player `random`, which teaches a model the form of replies. Default: the right answer
   * to some other training item.
   */
  readonly guess?: (item: Item, random: RandomStream) => string;
  /**
   * The reward of an answer, or several by name: their weighted sum is the reward of the episode, and each has a metric
   * `game_NAME` of its own, without its weight. Default: 1 for the right answer.
   */
  readonly reward?:
    | RewardFunction<Item, Reward>
    | Readonly<Record<string, RewardFunction<Item, Reward> | WeightedReward<Item, Reward>>>;
}

/** What an episode of a task is about. */
export interface TaskState<Item> {
  readonly item: Item;
  readonly prompt: string;
  readonly answer: string | undefined;
}

const settings = {
  invalid_penalty: { type: 'number', default: 0, minimum: 0, description: 'Cost of a reply without an answer.' },
} as const;

type TaskConfig = ConfigOf<typeof settings>;

/**
 * The definition of a task, which is played, trained and evaluated as a game is.
 * @throws EnvironmentError `bad_definition` for items that cannot be played, or of which training and evaluation share a prompt
 */
export function defineTask<Item>(task: TaskRules<Item, number>): SyncEnvironmentDefinition<TaskConfig, TaskState<Item>>;
/** The same where a reward function answers with a promise. */
export function defineTask<Item>(task: TaskRules<Item>): EnvironmentDefinition<TaskConfig, TaskState<Item>>;
/** Both of the above. */
export function defineTask<Item>(task: TaskRules<Item>): EnvironmentDefinition<TaskConfig, TaskState<Item>> {
  const { id, instruction, title = id, description = instruction, replyTag = 'answer' } = task;
  const items = splitItems(task);
  const rewards = rewardsOf(task);
  const reply = (answer: string) => `<${replyTag}>${answer}</${replyTag}>`;
  const guess = guessOf(task, items.training);
  const random: Expert<TaskState<Item>> = {
    act: ({ state: { item } }, stream) => reply(guess(item, stream)),
  };
  const expert: Expert<TaskState<Item>> = {
    act: ({ state: { item, answer } }, stream) => reply(answer ?? guess(item, stream)),
  };
  return defineEnvironment({
    ...{ id, title, description, replyTag, settings },
    unreadable: `There is no answer in the reply: write ${reply('…')}.`,
    systemPrompt: () =>
      instruction.includes(`<${replyTag}>`) ? instruction : `${instruction}\nReply with ${reply('your answer')}.`,
    readAction: (text) => text,
    metrics: rewards.flatMap(({ name }) => name ?? []),
    start: (_, stream, __, split) => items[split][stream.nextInt(items[split].length)]!,
    play: (state: TaskState<Item>, answer: string) => {
      const earned = rewards.map(({ reward }) => reward(answer, state));
      const move = (values: readonly number[]): Move<TaskState<Item>> => ({
        state,
        terminated: true,
        reward: values.reduce((sum, value, i) => sum + rewards[i]!.weight * value, 0),
        metrics: Object.fromEntries(rewards.flatMap(({ name }, i) => (name === undefined ? [] : [[name, values[i]!]]))),
      });
      const isNow = (values: readonly Awaitable<number>[]): values is readonly number[] =>
        values.every((value) => typeof value !== 'object');
      return isNow(earned) ? move(earned) : Promise.all(earned).then(move);
    },
    observe: ({ prompt, answer }: TaskState<Item>, _, over) =>
      !over ? prompt : answer === undefined ? '' : `The right answer is ${answer}.`,
    limit: () => ({ steps: 1, reward: 0 }),
    invalidPenalty: ({ invalid_penalty }) => invalid_penalty,
    experts: { random: () => random, expert: () => expert },
  });
}

const bad = (id: string, what: string) => new EnvironmentError('bad_definition', `The task ${id} ${what}`);

/** The items of each split, ready to be played; no prompt is in both. */
function splitItems<Item>(task: TaskRules<Item>): Record<Split, readonly TaskState<Item>[]> {
  const { id, items: given, evaluationShare = 0.2 } = task;
  const states = (items: readonly Item[]) => items.map((item, i) => stateOf(task, item, i));
  if ('training' in given) {
    const items = { training: states(given.training), evaluation: states(given.evaluation) };
    for (const split of ['training', 'evaluation'] as const)
      if (items[split].length === 0) throw bad(id, `has no items for ${split}: give at least one.`);
    const known = new Set(items.training.map(({ prompt }) => prompt));
    const both = items.evaluation.find(({ prompt }) => known.has(prompt));
    if (both) throw bad(id, `has the prompt ${short(both.prompt)} for training and for evaluation: keep it in one.`);
    return items;
  }
  if (!(evaluationShare > 0 && evaluationShare < 1))
    throw bad(id, `keeps a share of ${evaluationShare} for evaluations: choose one between 0 and 1.`);
  const all = states(given);
  // By what the prompts say, so that items with one prompt stay together and an item keeps its side in a longer list, nearly.
  const order = new Map(all.map(({ prompt }) => [prompt, deriveSeed(0, 'split', prompt)]));
  if (order.size < 2)
    throw bad(id, 'needs two items with different prompts, one for training and one for evaluations.');
  const prompts = [...order.keys()].sort((a, b) => order.get(a)! - order.get(b)!);
  const count = Math.min(prompts.length - 1, Math.max(1, Math.round(evaluationShare * prompts.length)));
  const kept = new Set(prompts.slice(0, count));
  return {
    training: all.filter(({ prompt }) => !kept.has(prompt)),
    evaluation: all.filter(({ prompt }) => kept.has(prompt)),
  };
}

function stateOf<Item>({ id, prompt, answer }: TaskRules<Item>, item: Item, index: number): TaskState<Item> {
  const fields = (typeof item === 'object' && item !== null ? item : {}) as { prompt?: unknown; answer?: unknown };
  const asked: unknown = prompt ? prompt(item) : fields.prompt;
  if (typeof asked !== 'string' || asked === '')
    throw bad(id, `has no prompt for item ${index + 1}: give the items a text as their field prompt, or give prompt.`);
  const right: unknown = answer ? answer(item) : fields.answer;
  const isText = typeof right === 'string' || typeof right === 'number';
  return { item, prompt: asked, answer: isText ? String(right).trim() : undefined };
}

interface NamedReward<Item> {
  /** Undefined for the one reward of a task, which is the reward of the episode. */
  readonly name: string | undefined;
  readonly weight: number;
  readonly reward: (answer: string, state: TaskState<Item>) => Awaitable<number>;
}

function rewardsOf<Item>({ id, reward }: TaskRules<Item>): readonly NamedReward<Item>[] {
  const named = (name: string | undefined, weight: number, judge: RewardFunction<Item>): NamedReward<Item> => ({
    ...{ name, weight },
    reward: (answer, { item }) => judge(answer, item),
  });
  if (reward === undefined)
    return [{ name: undefined, weight: 1, reward: (text, { answer }) => (text === answer ? 1 : 0) }];
  if (typeof reward === 'function') return [named(undefined, 1, reward)];
  const rewards = Object.entries(reward).map(([name, one]) =>
    typeof one === 'function' ? named(name, 1, one) : named(name, one.weight, one.reward),
  );
  if (rewards.length === 0) throw bad(id, 'has no reward: name at least one.');
  const odd = rewards.find(({ weight }) => !Number.isFinite(weight));
  if (odd) throw bad(id, `gives the reward ${odd.name} a weight of ${odd.weight}: choose a finite number.`);
  return rewards;
}

function guessOf<Item>(
  { id, guess, reward }: TaskRules<Item>,
  training: readonly TaskState<Item>[],
): (item: Item, random: RandomStream) => string {
  const answers = training.flatMap(({ answer }) => answer ?? []);
  if (answers.length < training.length && (!guess || !reward))
    throw bad(id, 'has items without a right answer: give answer, or give both guess and reward.');
  return guess ?? ((_, random) => answers[random.nextInt(answers.length)]!);
}

const short = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
