// Turns the rules of a game, a few pure functions, into an environment. What all games share happens here, once:
// reading the reply, explaining what went wrong, the step limit, the seeds, and refusing to play on after the end.

import { type RandomStream, stream } from '@ludic/random';
import type { ConfigOf, ConfigProperties } from './config.ts';
import type {
  Awaitable,
  Board,
  Environment,
  EnvironmentDefinition,
  Facts,
  ResetOptions,
  Split,
  Step,
  StepInfo,
  SyncEnvironmentDefinition,
} from './contract.ts';
import { EnvironmentError } from './errors.ts';
import { tagReader } from './tags.ts';

/** What one action leads to. */
export interface Move<State> {
  readonly state: State;
  /** Default 0. */
  readonly reward?: number;
  /** One line shown before the observation: what happened, or why nothing did. */
  readonly note?: string;
  /** The rules forbid the action: it costs the penalty for invalid replies. */
  readonly invalid?: boolean;
  /** The game has ended by its own rules. */
  readonly terminated?: boolean;
  readonly outcome?: 'win' | 'draw' | 'loss';
  /** What the move adds to the numbers that `Rules.metrics` names; those left out are 0. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** The action of the other side, where a caller plays it: the state as that side's own player sees it comes in. */
export type OtherSide<State, Action> = (state: State) => Action;

/** The rules of a game but for `start` and `play`. */
interface Views<Properties extends ConfigProperties, State, Action>
  extends Pick<
    EnvironmentDefinition<ConfigOf<Properties>, State>,
    'id' | 'title' | 'description' | 'replyTag' | 'experts' | 'systemPrompt'
  > {
  /** The settings; their defaults make the default game. */
  readonly settings: Properties;
  /** The line that answers a reply without a readable action. */
  readonly unreadable: string;
  /** The text in the reply's tag as an action, undefined where it is none. */
  readAction(text: string, config: ConfigOf<Properties>): Action | undefined;
  /** What the policy reads; `over` once the game has ended. */
  observe(state: State, config: ConfigOf<Properties>, over: boolean): string;
  /** See `Environment.memory`. Default: empty. */
  memory?(state: State, config: ConfigOf<Properties>): string;
  /** See `Environment.facts`. Default: none. */
  facts?(state: State, config: ConfigOf<Properties>): Facts;
  /** See `Environment.situation`. Default: none. */
  situation?(state: State, config: ConfigOf<Properties>): string;
  /** See `EnvironmentDefinition.board`. Default: none. */
  board?(state: State, config: ConfigOf<Properties>): Board;
  /** Names of the numbers that the game measures, see `StepInfo.metrics`. Default: none. */
  readonly metrics?: readonly string[];
  /** Whether an episode that has come to this state is a success. Default: whether its total reward is above 0.5. */
  success?(state: State, config: ConfigOf<Properties>): boolean;
  /** After how many replies the episode is cut off, and the reward added then. */
  limit(config: ConfigOf<Properties>): { readonly steps: number; readonly reward: number };
  /** What an unreadable or forbidden action costs. Default 0. */
  invalidPenalty?(config: ConfigOf<Properties>): number;
}

/**
 * The rules of a game. All functions are pure; only the given stream is random. Where `start` or `play` ask for something (a
 * tool, a database, an endpoint), they answer with a promise: see `AsyncRules`.
 */
export interface Rules<Properties extends ConfigProperties, State, Action> extends Views<Properties, State, Action> {
  /**
   * @param opponent given where a caller plays the other side, for games that have one
   * @param split what the episode is played for, for games with data
   */
  start(
    config: ConfigOf<Properties>,
    random: RandomStream,
    opponent: OtherSide<State, Action> | undefined,
    split: Split,
  ): State;
  play(
    state: State,
    action: Action,
    config: ConfigOf<Properties>,
    random: RandomStream,
    opponent?: OtherSide<State, Action>,
  ): Move<State>;
}

/** Rules of which `start` or `play` answer later. What they ask for must not change between two games of one seed. */
export interface AsyncRules<Properties extends ConfigProperties, State, Action>
  extends Views<Properties, State, Action> {
  start(
    config: ConfigOf<Properties>,
    random: RandomStream,
    opponent: OtherSide<State, Action> | undefined,
    split: Split,
  ): Awaitable<State>;
  play(
    state: State,
    action: Action,
    config: ConfigOf<Properties>,
    random: RandomStream,
    opponent?: OtherSide<State, Action>,
  ): Awaitable<Move<State>>;
}

/** The line that tells that the step limit has been reached. */
export const LIMIT_NOTE = 'No steps are left.';

const VALID: StepInfo = { invalid: false };
const INVALID: StepInfo = { invalid: true };

class DefinedGame<Properties extends ConfigProperties, State, Action> implements Environment<State> {
  readonly #rules: AsyncRules<Properties, State, Action>;
  readonly #config: ConfigOf<Properties>;
  readonly #readTag: (text: string) => string | undefined;
  readonly #maxSteps: number;
  readonly #limitReward: number;
  readonly #invalidPenalty: number;
  readonly #noMetrics: Readonly<Record<string, number>> | undefined;
  #state: State | undefined;
  #random: RandomStream | undefined;
  #opponent: OtherSide<State, Action> | undefined;
  #stepsLeft = 0;

  constructor(
    rules: AsyncRules<Properties, State, Action>,
    readTag: (text: string) => string | undefined,
    config: ConfigOf<Properties>,
  ) {
    this.#rules = rules;
    this.#readTag = readTag;
    this.#config = config;
    const limit = rules.limit(config);
    this.#maxSteps = limit.steps;
    this.#limitReward = limit.reward;
    this.#invalidPenalty = rules.invalidPenalty?.(config) ?? 0;
    this.#noMetrics = rules.metrics && Object.fromEntries(rules.metrics.map((name) => [name, 0]));
  }

  reset(seed: number, options?: ResetOptions<State>): Awaitable<string> {
    const dynamicsSeed = options?.dynamicsSeed ?? seed;
    if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(dynamicsSeed)) {
      throw new EnvironmentError('bad_seed', `A seed is a whole number up to 2^53, not ${seed} or ${dynamicsSeed}.`);
    }
    const opponent = options?.opponent;
    this.#opponent = opponent && ((state) => this.#readOpponent(opponent(state)));
    this.#stepsLeft = 0;
    const split = options?.split ?? 'training';
    return after(this.#rules.start(this.#config, stream(seed, 'open'), this.#opponent, split), (state) => {
      this.#state = state;
      this.#random = stream(dynamicsSeed, 'play');
      this.#stepsLeft = this.#maxSteps;
      return this.#rules.observe(state, this.#config, false);
    });
  }

  step(reply: string): Awaitable<Step> {
    if (this.#stepsLeft === 0) {
      throw new EnvironmentError('episode_over', 'No episode is running: call reset(seed) before the next step.');
    }
    const action = this.#readAction(reply);
    if (action === undefined) return this.#stepOf(undefined);
    const [state, random] = [this.#state as State, this.#random as RandomStream];
    return after(this.#rules.play(state, action, this.#config, random, this.#opponent), (move) => this.#stepOf(move));
  }

  /** @param move undefined for a reply without a readable action */
  #stepOf(move: Move<State> | undefined): Step {
    const rules = this.#rules;
    const config = this.#config;
    let reward = 0;
    let note: string | undefined = rules.unreadable;
    let info = INVALID;
    let metrics = this.#noMetrics;
    let terminated = false;
    if (move) {
      this.#state = move.state;
      reward = move.reward ?? 0;
      note = move.note;
      if (move.metrics) metrics = { ...metrics, ...move.metrics };
      terminated = move.terminated === true;
      if (!move.invalid) info = move.outcome ? { invalid: false, outcome: move.outcome } : VALID;
    }
    if (info === INVALID) reward -= this.#invalidPenalty;
    const success = rules.success?.(this.#state as State, config);
    if (success !== undefined || metrics)
      info = { ...info, ...(success !== undefined && { success }), ...(metrics && { metrics }) };
    this.#stepsLeft = terminated ? 0 : this.#stepsLeft - 1;
    const truncated = this.#stepsLeft === 0 && !terminated;
    if (truncated) {
      reward += this.#limitReward;
      note = note ? `${note}\n${LIMIT_NOTE}` : LIMIT_NOTE;
    }
    const seen = rules.observe(this.#state as State, config, terminated || truncated);
    return { observation: note ? joined(note, seen) : seen, reward, terminated, truncated, info };
  }

  #readAction(reply: string): Action | undefined {
    const text = this.#readTag(reply);
    return text === undefined ? undefined : this.#rules.readAction(text, this.#config);
  }

  #readOpponent(reply: string): Action {
    const action = this.#readAction(reply);
    if (action !== undefined) return action;
    throw new EnvironmentError(
      'bad_opponent',
      `The opponent's reply ${JSON.stringify(reply)} is no action of the game.`,
    );
  }

  get state(): State {
    if (!this.#random) throw new EnvironmentError('episode_over', 'No episode has begun: call reset(seed) first.');
    return this.#state as State;
  }

  get memory(): string {
    return this.#rules.memory?.(this.state, this.#config) ?? '';
  }

  get facts(): Facts {
    return this.#rules.facts?.(this.state, this.#config) ?? {};
  }

  get situation(): string | undefined {
    return this.#rules.situation?.(this.state, this.#config);
  }
}

/** What follows from an answer, at once where it is there at once. */
function after<T, U>(answer: Awaitable<T>, next: (value: T) => U): Awaitable<U> {
  const isLater = typeof answer === 'object' && answer !== null && 'then' in answer;
  return isLater ? answer.then(next) : next(answer as T);
}

function joined(note: string, observation: string): string {
  return observation ? `${note}\n${observation}` : note;
}

/** The definition of a game from its rules. */
export function defineEnvironment<const Properties extends ConfigProperties, State, Action>(
  rules: Rules<Properties, State, Action>,
): SyncEnvironmentDefinition<ConfigOf<Properties>, State>;
/** The same where `start` or `play` answer with a promise. */
export function defineEnvironment<const Properties extends ConfigProperties, State, Action>(
  rules: AsyncRules<Properties, State, Action>,
): EnvironmentDefinition<ConfigOf<Properties>, State>;
/** Both of the above. */
export function defineEnvironment<const Properties extends ConfigProperties, State, Action>(
  rules: AsyncRules<Properties, State, Action>,
): EnvironmentDefinition<ConfigOf<Properties>, State> {
  const readTag = tagReader(rules.replyTag);
  return {
    id: rules.id,
    title: rules.title,
    description: rules.description,
    configSchema: { type: 'object', properties: rules.settings, additionalProperties: false },
    replyTag: rules.replyTag,
    systemPrompt: (config) => rules.systemPrompt(config),
    create: (config) => new DefinedGame(rules, readTag, config),
    ...(rules.board && { board: rules.board }),
    experts: rules.experts,
  };
}
