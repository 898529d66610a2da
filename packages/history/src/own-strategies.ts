// Strategies of the user, beside Ludic's own and under names of their own: what they give is checked, so that a slip in one
// is a sentence and no strange prompt.

import type { EpisodeSoFar, HistoryFunction, Message } from './contract.ts';
import { HistoryError } from './errors.ts';
import { strategies } from './strategies.ts';

const ROLES: readonly unknown[] = ['system', 'user', 'assistant'] satisfies Message['role'][];

/**
 * Adds a strategy: from then on its name is taken wherever one of `HISTORY_STRATEGIES` is.
 * @throws HistoryError `bad_strategy` for a name that is taken
 */
export function registerHistory(name: string, build: HistoryFunction): void {
  if (strategies.has(name))
    throw new HistoryError('bad_strategy', `There is already a history strategy ${name}; choose another name.`);
  strategies.set(name, (episode) => checked(name, build, episode));
}

function checked(name: string, build: HistoryFunction, episode: EpisodeSoFar): readonly Message[] {
  const bad = (why: string, cause?: unknown) =>
    new HistoryError('bad_strategy', `The history strategy ${name} ${why}`, { cause });
  let messages: readonly Message[];
  try {
    messages = build(episode);
  } catch (error) {
    throw bad(`failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (!Array.isArray(messages) || !messages.every(isMessage))
    throw bad('must give a list of messages, each with a role (system, user, assistant) and a text as its content.');
  if (messages.at(-1)?.role !== 'user') throw bad('must end its messages with one of the user: what is asked now.');
  return messages;
}

function isMessage(value: unknown): value is Message {
  const { role, content } = (value ?? {}) as Partial<Message>;
  return ROLES.includes(role) && typeof content === 'string';
}
