// The recorded form of an episode: its two writers, whole and brief, and the one reader of what `ludic rollout --json`
// prints, of a run's episodes.jsonl, of the games that the page stores and of the games that the service answers. Seeds
// and replies determine an episode, so a brief record holds no more. The text is untrusted: every field is checked.

import { environments, resolveConfig, type StepInfo } from '@ludic/environments';
import { HISTORY_STRATEGIES, type Message } from '@ludic/history';
import { isObject, type JsonObject, LudicError } from '@ludic/io';
import type { Reply } from '@ludic/policies';
import type { EnvironmentSpec } from './environment-spec.ts';
import { replay } from './replay.ts';
import { END_REASONS, type Episode, type Turn } from './trajectory.ts';

/** An episode on record: what plays it again, and what shows whether it is the same. An `Episode` is one, too. */
export interface EpisodeRecord
  extends Pick<Episode, 'seed' | 'dynamicsSeed' | 'split' | 'reward' | 'endReason' | 'outcome' | 'success' | 'error'> {
  readonly turns: readonly RecordedTurn[];
}

/** A turn on record. A brief one leaves out what most turns have (no reward, a valid and whole reply) and its prompt. */
export interface RecordedTurn extends Partial<Pick<Turn, 'prompt' | 'observation' | 'reward'>> {
  readonly reply: Pick<Reply, 'text'> & Partial<Pick<Reply, 'finish' | 'tokens'>>;
  readonly info?: Pick<StepInfo, 'invalid'>;
}

/** An episode that was read, with the game that it was played in. */
export interface RecordedEpisode {
  /** What it is, for people: `Game 3`, `Step 11, game 2`. */
  readonly title: string;
  readonly game: EnvironmentSpec;
  readonly episode: Episode;
}

/** What is wrong with a record: it cannot be read, or played again it is another game. */
export class RecordError extends LudicError<'bad_episodes'> {
  override readonly name = 'RecordError';

  constructor(message: string) {
    super('bad_episodes', message);
  }
}

/** An episode as plain data for a line of JSON, with all that the policy saw: typed arrays become lists. */
export function episodeToJson(episode: Episode): object {
  return {
    ...episode,
    turns: episode.turns.map(
      ({ reply: { toolText: _, ...reply }, situation: __, trueNotes: ___, request: ____, ...turn }) => ({
        ...turn,
        reply: {
          ...reply,
          ...(reply.tokens && {
            tokens: {
              prompt: Array.from(reply.tokens.prompt),
              completion: Array.from(reply.tokens.completion),
              logprobs: Array.from(reply.tokens.logprobs),
              entropies: Array.from(reply.tokens.entropies),
            },
          }),
        },
      }),
    ),
  };
}

/** An episode as a brief record: plain data of few bytes, which `replayRecord` makes whole again, but for its tokens. */
export function briefRecord({ turns, ...episode }: Episode): EpisodeRecord {
  return {
    ...withoutTurns(episode),
    turns: turns.map(({ reply: { text, finish }, reward, info: { invalid } }) => ({
      reply: { text, ...(finish !== 'stop' && { finish }) },
      ...(reward !== 0 && { reward }),
      ...(invalid && { info: { invalid } }),
    })),
  };
}

/** What a record says of the whole episode, and nothing that else stands beside it. */
function withoutTurns(record: Omit<EpisodeRecord, 'turns'>): Omit<EpisodeRecord, 'turns'> {
  const { seed, dynamicsSeed, split, reward, endReason, outcome, success, error } = record;
  return {
    ...{ seed, dynamicsSeed },
    ...(split && { split }),
    ...{ reward, endReason },
    ...(outcome && { outcome }),
    ...(success !== undefined && { success }),
    ...(error !== undefined && { error }),
  };
}

/**
 * The whole episode of a brief record, played again: prompts and observations are those that the policy saw.
 * @throws RecordError where it is another game in this spec
 */
export function replayRecord({ turns: recorded, ...record }: EpisodeRecord, game: EnvironmentSpec): Episode {
  const { seed, dynamicsSeed, split, reward, endReason } = record;
  const replies = recorded.map(({ reply }) => reply.text);
  const played = replay({ ...game, start: { seed, dynamicsSeed, split }, replies });
  const turns = played.turns.map((turn, i): Turn => ({ ...turn, reply: { ...turn.reply, ...recorded[i]!.reply } }));
  if (turns.length < recorded.length || Math.abs(earnedIn(turns) - reward) > 1e-6)
    throw new RecordError(
      'Only the seeds and the replies of this game were kept, and played again it is another one: choose the settings that it was played under.',
    );
  const finalObservation = endReason === 'failed' ? '' : (played.frames.at(-1)?.observation ?? '');
  return { ...withoutTurns(record), turns, finalObservation };
}

const earnedIn = (turns: readonly { readonly reward?: number }[]): number =>
  turns.reduce((sum, { reward = 0 }) => sum + reward, 0);

/**
 * Episodes of a text: one JSON value, a list, or a value in each line. Brief records are played again.
 * @param fallback the game where the data do not say which
 * @throws RecordError
 */
export function readEpisodes(text: string, fallback: EnvironmentSpec): RecordedEpisode[] {
  const values = parsed(text);
  if (values.length === 0) throw new RecordError('There is no episode in it.');
  return values.map((value, i) => readEpisode(asEpisode(value), i, fallback));
}

/** One JSON value, or one in each line. */
function parsed(text: string): unknown[] {
  try {
    const whole: unknown = JSON.parse(text);
    return Array.isArray(whole) ? whole : [whole];
  } catch {
    const lines = text.split('\n').map((line) => line.trim());
    return lines.flatMap((line, i) => {
      if (line === '') return [];
      try {
        return [JSON.parse(line) as unknown];
      } catch {
        throw new RecordError(`Line ${i + 1} is no JSON. Open what ludic rollout --json prints, or an episodes.jsonl.`);
      }
    });
  }
}

/** A game as the service answers it (`Trajectory` of its contract) with the keys of an episode; any other value as it is. */
export function asEpisode(value: unknown): unknown {
  if (!isObject(value) || !isObject(value.trajectory) || !Array.isArray(value.trajectory.steps)) return value;
  const { steps, seed, dynamics_seed, end_reason, final_observation, ...ended } = value.trajectory;
  const turns = (steps as unknown[]).map((step) => {
    if (!isObject(step)) return step;
    const { assistant, cut_off, info_from_env, ...turn } = step;
    return { ...turn, info: info_from_env, reply: { text: assistant, finish: cut_off === true ? 'length' : 'stop' } };
  });
  return {
    ...ended,
    turns,
    seed,
    dynamicsSeed: dynamics_seed,
    endReason: end_reason,
    finalObservation: final_observation,
    reward: value.reward,
  };
}

function readEpisode(value: unknown, index: number, fallback: EnvironmentSpec): RecordedEpisode {
  const record = readRecord(value, index);
  const fields = value as JsonObject;
  const { step, finalObservation } = fields;
  const title = typeof step === 'number' ? `Step ${step}, game ${index + 1}` : `Game ${index + 1}`;
  const game = gameOf(fields, record.turns, fallback);
  if (isBrief(record.turns)) return { title, game, episode: replayRecord(record, game) };
  const turns = record.turns.map(({ prompt = [], observation = '', reward = 0, info, reply }) => ({
    prompt,
    observation,
    reward,
    info: { invalid: info?.invalid === true },
    reply: { ...reply, finish: reply.finish ?? 'stop' },
  }));
  const last = typeof finalObservation === 'string' ? finalObservation : '';
  return { title, game, episode: { ...record, turns, finalObservation: last } };
}

const isBrief = (turns: readonly unknown[]): boolean =>
  turns.length > 0 && turns.every((turn) => isObject(turn) && turn.prompt === undefined);

/**
 * A parsed line, whole or brief, with its fields checked and all others left out.
 * @param index its place among others, for messages
 * @throws RecordError that names what is missing
 */
export function readRecord(value: unknown, index = 0): EpisodeRecord {
  const name = `Episode ${index + 1}`;
  if (!isObject(value) || !Array.isArray(value.turns))
    throw new RecordError(`${name} has no turns. Open what ludic rollout --json prints, or a run's episodes.jsonl.`);
  const brief = isBrief(value.turns);
  const turns = value.turns.map((turn, i) => readTurn(turn, brief, `Turn ${i + 1} of episode ${index + 1}`));
  const reward = value.reward ?? earnedIn(turns);
  if (typeof reward !== 'number') throw new RecordError(`${name} has no number as its reward.`);
  const whole = (field: string, otherwise?: number): number => {
    const number = value[field] ?? otherwise;
    if (Number.isSafeInteger(number)) return number as number;
    throw new RecordError(`${name} has no whole number as its ${field}.`);
  };
  const seed = whole('seed');
  const outcome = (['win', 'draw', 'loss'] as const).find((one) => one === value.outcome);
  const endReason = END_REASONS.find((one) => one === value.endReason);
  if (!endReason) throw new RecordError(`${name} does not say how it ended.`);
  return {
    seed,
    // Older records do not have it; whether it fits is seen when the episode is played again.
    dynamicsSeed: whole('dynamicsSeed', seed),
    ...(value.split === 'evaluation' && { split: value.split }),
    turns,
    reward,
    endReason,
    ...(outcome && { outcome }),
    ...(typeof value.success === 'boolean' && { success: value.success }),
    ...(typeof value.error === 'string' && { error: value.error }),
  };
}

/** @throws RecordError that names the turn and what it lacks */
function readTurn(value: unknown, brief: boolean, name: string): RecordedTurn {
  const bad = (what: string) => new RecordError(`${name} ${what}: the file is damaged, or no record of a game.`);
  if (!isObject(value) || !isObject(value.reply) || typeof value.reply.text !== 'string') throw bad('has no reply');
  const { prompt, observation, reward, info, reply } = value;
  const mayLack = (field: unknown) => brief && field === undefined;
  if (!Array.isArray(prompt) && !brief) throw bad('has no prompt');
  if ((typeof reward !== 'number' && !mayLack(reward)) || (!isObject(info) && !mayLack(info)))
    throw bad('has no reward');
  const tokens = isObject(reply.tokens) ? reply.tokens : undefined;
  const list = (field: string): readonly number[] => {
    const numbers = tokens?.[field];
    if (Array.isArray(numbers) && numbers.every((number) => typeof number === 'number')) return numbers;
    throw bad(`has no list of numbers as its ${field}`);
  };
  return {
    ...(Array.isArray(prompt) && {
      prompt: prompt.map((message): Message => {
        const role =
          isObject(message) && (['system', 'user', 'assistant'] as const).find((one) => one === message.role);
        if (!role || typeof message.content !== 'string') throw bad('has a message without role or text');
        return { role, content: message.content };
      }),
    }),
    ...(typeof observation === 'string' && { observation }),
    ...(typeof reward === 'number' && { reward }),
    ...(isObject(info) && { info: { invalid: info.invalid === true } }),
    reply: {
      text: value.reply.text,
      ...(reply.finish === 'length' && { finish: 'length' }),
      ...(tokens && {
        tokens: {
          prompt: Int32Array.from(list('prompt')),
          completion: Int32Array.from(list('completion')),
          logprobs: Float32Array.from(list('logprobs')),
          entropies: Float32Array.from(list('entropies')),
        },
      }),
    },
  };
}

/** The game that the record names; else the one whose rules the first prompt states; else the fallback. */
function gameOf(value: JsonObject, turns: readonly RecordedTurn[], fallback: EnvironmentSpec): EnvironmentSpec {
  const history = HISTORY_STRATEGIES.find((one) => one === value.history) ?? fallback.history;
  if (typeof value.environment === 'string' && environments.has(value.environment)) {
    const config = isObject(value.environmentConfig) ? value.environmentConfig : {};
    return { environment: value.environment, config, history };
  }
  const rules = turns[0]?.prompt?.find(({ role }) => role === 'system')?.content ?? '';
  for (const [environment, definition] of environments) {
    if (!rules.startsWith(definition.systemPrompt(resolveConfig(definition)))) continue;
    return environment === fallback.environment ? { ...fallback, history } : { environment, config: {}, history };
  }
  return { ...fallback, history };
}
