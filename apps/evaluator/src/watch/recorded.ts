// Episodes as data: what `ludic rollout --json` prints, a run's episodes.jsonl, games of an evaluation as a server keeps
// them, or a list of such. The text is untrusted, so every field is checked.

import { environments, findEnvironment, resolveConfig } from '@ludic/environments';
import { HISTORY_STRATEGIES, type Message } from '@ludic/history';
import { LudicError } from '@ludic/io';
import { END_REASONS, type EnvironmentSpec, type Episode, type Frame, replay, type Turn } from '@ludic/rollouts';

/** An episode that may be watched. */
export interface RecordedEpisode {
  /** What it is, for people: `game 3`, `step 11`. */
  readonly title: string;
  readonly game: EnvironmentSpec;
  readonly episode: Episode;
}

/** What is wrong with a file of episodes. */
export class RecordError extends LudicError<'bad_episodes'> {
  override readonly name = 'RecordError';

  constructor(message: string) {
    super('bad_episodes', message);
  }
}

/**
 * @param fallback the game where the data do not say which
 * @throws RecordError
 */
export function readEpisodes(text: string, fallback: EnvironmentSpec): RecordedEpisode[] {
  const values = parsed(text);
  if (values.length === 0) throw new RecordError('There is no episode in it.');
  return values.map((value, i) => recorded(value, i, fallback));
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

type JsonFields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is JsonFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A game as a server tells it (`trajectoryOf` of the service), in the words of an episode; all else as it is. */
export function asEpisode(value: unknown): unknown {
  if (!isFields(value) || !isFields(value.trajectory) || !Array.isArray(value.trajectory.steps)) return value;
  const { steps, seed, dynamics_seed, end_reason, final_observation, ...ended } = value.trajectory;
  const turns = (steps as unknown[]).map((step) => {
    if (!isFields(step)) return step;
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

/** One record as an episode. A short record, without prompts, is played again to get them. @throws RecordError */
function recorded(line: unknown, index: number, fallback: EnvironmentSpec): RecordedEpisode {
  const value = asEpisode(line);
  const name = `Episode ${index + 1}`;
  if (!isFields(value) || !Array.isArray(value.turns))
    throw new RecordError(`${name} has no turns. Open what ludic rollout --json prints, or a run's episodes.jsonl.`);
  const short = value.turns.length > 0 && value.turns.every((turn) => isFields(turn) && turn.prompt === undefined);
  const turns = value.turns.map((turn, i) =>
    readTurn(short ? { reward: 0, info: {}, ...turn, prompt: [] } : turn, `Turn ${i + 1} of episode ${index + 1}`),
  );
  const whole = (field: string, otherwise?: number): number => {
    const number = value[field] ?? otherwise;
    if (Number.isSafeInteger(number)) return number as number;
    throw new RecordError(`${name} has no whole number as its ${field}.`);
  };
  const seed = whole('seed');
  const outcome = (['win', 'draw', 'loss'] as const).find((one) => one === value.outcome);
  const endReason = END_REASONS.find((one) => one === value.endReason);
  if (!endReason) throw new RecordError(`${name} does not say how it ended.`);
  const episode: Episode = {
    seed,
    // Older records do not have it; whether it fits is seen when the episode is played again.
    dynamicsSeed: whole('dynamicsSeed', seed),
    turns,
    reward: typeof value.reward === 'number' ? value.reward : turns.reduce((sum, { reward }) => sum + reward, 0),
    endReason,
    finalObservation: typeof value.finalObservation === 'string' ? value.finalObservation : '',
    ...(outcome && { outcome }),
    ...(typeof value.error === 'string' && { error: value.error }),
  };
  const title = typeof value.step === 'number' ? `Step ${value.step}, game ${index + 1}` : `Game ${index + 1}`;
  const game = gameOf(value, turns, fallback);
  return { title, game, episode: short ? replayed(episode, game) : episode };
}

/** What is needed to play an episode again, and to see whether it is the same. */
export type StoredEpisode = Pick<Episode, 'seed' | 'dynamicsSeed' | 'reward' | 'endReason' | 'outcome' | 'error'> & {
  readonly turns: readonly { readonly reply: Pick<Turn['reply'], 'text'> & Partial<Turn['reply']> }[];
};

/**
 * An episode of which its seeds and replies were kept, with what the policy saw.
 * @throws RecordError where it is another game when it is played again
 */
export function replayed(folded: StoredEpisode, { environment, config, history }: EnvironmentSpec): Episode {
  const { seed, dynamicsSeed, reward, endReason, outcome, error } = folded;
  const definition = findEnvironment(environment);
  const played = replay({
    environment: definition,
    config: resolveConfig(definition, config),
    history,
    start: { seed, dynamicsSeed },
    replies: folded.turns.map(({ reply }) => reply.text),
  });
  const turns = played.turns.map((turn, i): Turn => ({ ...turn, reply: { ...turn.reply, ...folded.turns[i]!.reply } }));
  const earned = turns.reduce((sum, turn) => sum + turn.reward, 0);
  if (turns.length < folded.turns.length || Math.abs(earned - reward) > 1e-6)
    throw new RecordError(
      'Only the seeds and the replies of this game were kept, and played again it is another one: choose the settings that it was played under.',
    );
  const finalObservation = endReason === 'failed' ? '' : (played.frames.at(-1)?.observation ?? '');
  return {
    seed,
    dynamicsSeed,
    turns,
    reward,
    endReason,
    finalObservation,
    ...(outcome && { outcome }),
    ...(error !== undefined && { error }),
  };
}

/** @throws RecordError that names the turn and what it lacks */
function readTurn(value: unknown, name: string): Turn {
  const bad = (what: string) => new RecordError(`${name} ${what}: the file is damaged, or no record of a game.`);
  if (!isFields(value) || !isFields(value.reply) || typeof value.reply.text !== 'string') throw bad('has no reply');
  if (!Array.isArray(value.prompt)) throw bad('has no prompt');
  const prompt = value.prompt.map((message): Message => {
    const role = isFields(message) && (['system', 'user', 'assistant'] as const).find((one) => one === message.role);
    if (!role || typeof message.content !== 'string') throw bad('has a message without role or text');
    return { role, content: message.content };
  });
  const { reply, info } = value;
  const { reward } = value;
  if (typeof reward !== 'number' || !isFields(info)) throw bad('has no reward');
  const tokens = isFields(reply.tokens) ? reply.tokens : undefined;
  const list = (field: string): readonly number[] => {
    const numbers = tokens?.[field];
    if (Array.isArray(numbers) && numbers.every((number) => typeof number === 'number')) return numbers;
    throw bad(`has no list of numbers as its ${field}`);
  };
  return {
    prompt,
    observation: typeof value.observation === 'string' ? value.observation : '',
    reward,
    info: { invalid: info.invalid === true },
    reply: {
      text: reply.text as string,
      finish: reply.finish === 'length' ? 'length' : 'stop',
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

/** The game that the record names; else the one whose rules it was told; else the chosen one. */
function gameOf(value: JsonFields, turns: readonly Turn[], fallback: EnvironmentSpec): EnvironmentSpec {
  const history = HISTORY_STRATEGIES.find((one) => one === value.history) ?? fallback.history;
  if (typeof value.environment === 'string' && environments.has(value.environment)) {
    const config = isFields(value.environmentConfig) ? value.environmentConfig : {};
    return { environment: value.environment, config, history };
  }
  const rules = turns[0]?.prompt.find(({ role }) => role === 'system')?.content ?? '';
  for (const [environment, definition] of environments) {
    if (!rules.startsWith(definition.systemPrompt(resolveConfig(definition)))) continue;
    return environment === fallback.environment ? { ...fallback, history } : { environment, config: {}, history };
  }
  return { ...fallback, history };
}

/** What stood in the environment before each turn and after the last. */
export interface Shown {
  readonly frames: readonly Frame[];
  /** Why there are no more frames, where there are fewer than turns. */
  readonly trouble: string | undefined;
}

/** Plays the replies again. Frames end where the game no longer is the recorded one. */
export function framesOf({ game, episode }: Pick<RecordedEpisode, 'game' | 'episode'>): Shown {
  try {
    const definition = findEnvironment(game.environment);
    const config = resolveConfig(definition, game.config);
    const replies = episode.turns.map(({ reply }) => reply.text);
    const { frames, error } = replay({
      environment: definition,
      config,
      history: game.history,
      start: episode,
      replies,
    });
    const failed = episode.endReason === 'failed';
    const said = episode.turns.map(({ observation }) => observation);
    // A game that failed said nothing at its end.
    if (!failed) said.push(episode.finalObservation);
    const differs = said.findIndex((observation, i) => observation !== frames[i]?.observation);
    if (differs < 0) return { frames, trouble: failed ? episode.error : error };
    const trouble =
      `Played again, the game is another one from step ${differs + 1} on, so it is not drawn there. ` +
      'It was played under other settings: choose them above, and open the file again.';
    return { frames: frames.slice(0, differs), trouble };
  } catch (error) {
    return { frames: [], trouble: (error as Error).message };
  }
}
