// From the turns so far to the messages that the policy sees: one pure function per strategy, in a table that others are
// added to (own-strategies.ts).

import type { BuiltInHistory, EpisodeSoFar, HistoryFunction, HistoryStrategy, Message } from './contract.ts';
import { HistoryError } from './errors.ts';
import { currentScratchpad } from './scratchpad.ts';

/** The fixed lines that the strategies add. Few, so that a tokenizer can make each a single token. */
export const HISTORY_TEXTS = {
  scratchpadPrompt: [
    'You remember nothing but your scratchpad.',
    'Rewrite it in every answer: put all that you will need later between <scratchpad> and </scratchpad>.',
  ].join('\n'),
  scratchpadEmpty: 'Your scratchpad is empty.',
  scratchpadHeader: 'Your scratchpad:',
  memoryPrompt: 'You remember nothing else, but before each observation you are told what you have found out so far.',
  memoryHeader: 'What you know:',
} as const;

const system = (content: string): Message => ({ role: 'system', content });
const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

const STRATEGIES: Readonly<Record<BuiltInHistory, HistoryFunction>> = {
  NO_HISTORY: ({ systemPrompt, observation }) => [system(systemPrompt), user(observation)],

  /** Grows at its end only: the messages of a turn begin with those of the turn before it. */
  FULL_HISTORY({ systemPrompt, turns, observation }) {
    const past = turns.flatMap((turn) => [user(turn.observation), assistant(turn.reply)]);
    return [system(systemPrompt), ...past, user(observation)];
  },

  /** The scratchpad is shown in the tags that it is written in: its end is marked, so no note looks like an observation. */
  SCRATCHPAD({ systemPrompt, turns, observation }) {
    const text = currentScratchpad(turns);
    const { scratchpadPrompt, scratchpadEmpty, scratchpadHeader } = HISTORY_TEXTS;
    const memory = text === '' ? scratchpadEmpty : `${scratchpadHeader}\n<scratchpad>\n${text}\n</scratchpad>`;
    return [system(`${systemPrompt}\n${scratchpadPrompt}`), user(`${memory}\n${observation}`)];
  },

  OPTIMAL_SCRATCHPAD({ systemPrompt, observation, optimalMemory }) {
    const { memoryPrompt, memoryHeader } = HISTORY_TEXTS;
    const memory = optimalMemory === '' ? '' : `${memoryHeader}\n${optimalMemory}\n`;
    return [system(`${systemPrompt}\n${memoryPrompt}`), user(memory + observation)];
  },
};

/** By name. */
export const strategies = new Map<string, HistoryFunction>(Object.entries(STRATEGIES));

/** The names of all strategies, Ludic's own first. */
export const historyNames = (): readonly string[] => [...strategies.keys()];

/**
 * What the policy sees under `strategy`. Pure: equal episodes give equal messages.
 * @throws HistoryError, and what a function throws that was registered
 */
export const buildMessages = (strategy: HistoryStrategy, episode: EpisodeSoFar): readonly Message[] =>
  (strategies.get(strategy) ?? unknown(strategy))(episode);

/** @throws HistoryError `unknown_strategy`, naming the known ones. */
export function parseHistoryStrategy(name: string): HistoryStrategy {
  return strategies.has(name) ? name : unknown(name);
}

function unknown(name: string): never {
  const message = `There is no history strategy ${JSON.stringify(name)}; use one of ${historyNames().join(', ')}.`;
  throw new HistoryError('unknown_strategy', message);
}
