// What a process does with its model: games and chats, all through one sampler, so that whatever runs at the same time
// shares runs of the network.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import {
  chancesOf,
  isReply,
  type LanguageModel,
  LanguageModelPolicy,
  PolicyError,
  type Prompt,
  Sampler,
} from '@ludic/policies';
import { stream } from '@ludic/random';
import { assertRoom, type Episode, evaluate, evaluationStarts, playEpisodes } from '@ludic/rollouts';
import type { Runtime } from '@ludic/runtime';
import {
  type ChatAnswer,
  type ChatDelta,
  type ChatTask,
  type Counters,
  type EvaluationTask,
  LONGEST_REPLY,
  type PlayedEpisode,
  type RolloutTask,
} from './protocol.ts';
import { VisibleText } from './visible-text.ts';

/** Games in lockstep: more would keep others waiting for each token. */
const GAMES_AT_ONCE = 100;
/** No tokenizer that we know makes longer tokens on average: longer prompts are refused unread. */
const CHARACTERS_PER_TOKEN = 64;

/** Counts runs of the network. */
export function countedRuntime(runtime: Runtime, onRun: () => void): Runtime {
  return {
    ...runtime,
    async load(bytes, options) {
      const program = await runtime.load(bytes, options);
      const { inputs, outputs } = program;
      return {
        inputs,
        outputs,
        run(given, into) {
          onRun();
          return program.run(given, into);
        },
        dispose: () => program.dispose(),
      };
    },
  };
}

export class ModelWork {
  readonly #model: LanguageModel;
  readonly #sampler: Sampler;
  readonly #runs: () => number;
  #tokens = 0;
  #games = 0;

  /** @param runs of the network so far */
  constructor(model: LanguageModel, runs: () => number) {
    this.#model = model;
    this.#runs = runs;
    // Messages of the server come in between two tokens.
    this.#sampler = new Sampler(model, { pause: () => new Promise((resolve) => setImmediate(resolve)) });
  }

  get counters(): Counters {
    return { runs: this.#runs(), tokens: this.#tokens, games: this.#games, memory: process.memoryUsage.rss() };
  }

  async evaluate(
    { episodes, trajectories, ...task }: EvaluationTask,
    onPlayed: (played: number, episodes: readonly PlayedEpisode[]) => void,
    signal: AbortSignal,
  ) {
    return evaluate({
      ...this.#table(task),
      episodes,
      seed: task.seed,
      batchSize: GAMES_AT_ONCE,
      onProgress: (played, fresh) => {
        this.#games += fresh.length;
        onPlayed(played, trajectories ? fresh.map(withoutTokens) : []);
      },
      signal,
    });
  }

  async rollout(task: RolloutTask, signal: AbortSignal): Promise<PlayedEpisode> {
    const [episode] = await playEpisodes({ ...this.#table(task), starts: evaluationStarts(task.seed, 1), signal });
    assertRoom([episode!]);
    this.#games++;
    return withoutTokens(episode!);
  }

  async chat(task: ChatTask, onDelta: (delta: ChatDelta) => void, signal: AbortSignal): Promise<ChatAnswer> {
    const { messages, stop, seed, alternatives } = task;
    const visible = Array.from({ length: task.choices }, () => new VisibleText(stop));
    const tokens = visible.map((): ChatDelta['tokens'][number][] => []);
    const show = (choice: number, piece: Omit<ChatDelta, 'choice'>) => {
      tokens[choice]!.push(...piece.tokens);
      if (task.stream && (piece.text !== '' || piece.tokens.length > 0)) onDelta({ choice, ...piece });
    };
    const questions = visible.map((_, choice) => ({ messages, episode: {}, random: stream(seed, 'chat', choice) }));
    const settings = { ...task.sampling, stop, maxCompletionLength: this.#longestReply(task) };
    const replies = await this.#sampler.sample(questions, settings, {
      signal,
      logits: alternatives !== undefined,
      onToken: (choice, { token, text, logits }) => {
        this.#tokens++;
        const chances =
          alternatives !== undefined ? chancesOf(token, logits!, alternatives, this.#model.tokenizer) : undefined;
        show(choice, visible[choice]!.grow(text, chances));
      },
    });
    for (const [choice, { text }] of replies.entries()) show(choice, visible[choice]!.finish(text));
    return {
      choices: replies.map(({ finish }, choice) => ({
        text: visible[choice]!.shown,
        finish,
        tokens: tokens[choice]!,
      })),
      promptTokens: replies[0]!.tokens!.prompt.length,
      completionTokens: replies.reduce((sum, reply) => sum + reply.tokens!.completion.length, 0),
    };
  }

  /** @throws PolicyError `prompt_too_long` */
  #longestReply({ messages, sampling }: ChatTask): number {
    const { maxPositions } = this.#model.config;
    const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
    if (characters > CHARACTERS_PER_TOKEN * maxPositions)
      throw tooLong(`${characters} characters`, maxPositions, this.#model.name);
    const length = this.#sampler.promptLength(messages);
    const { maxCompletionLength = Math.min(LONGEST_REPLY, maxPositions - length) } = sampling;
    if (length + Math.max(1, maxCompletionLength) > maxPositions)
      throw tooLong(`${length} tokens and a reply of up to ${maxCompletionLength}`, maxPositions, this.#model.name);
    return maxCompletionLength;
  }

  #table({ environment, environmentConfig, history, sampling }: RolloutTask) {
    const definition = findEnvironment(environment);
    const settings = { ...sampling, stop: [`</${definition.replyTag}>`] };
    const policy = new LanguageModelPolicy(this.#model, settings, this.#sampler);
    const counted = {
      name: policy.name,
      act: async (prompts: readonly Prompt[], options?: { readonly signal?: AbortSignal }) => {
        const replies = await policy.act(prompts, options);
        for (const reply of replies) if (isReply(reply)) this.#tokens += reply.tokens!.completion.length;
        return replies;
      },
      dispose() {},
    };
    return { definition, config: resolveConfig(definition, environmentConfig), history, policy: counted };
  }
}

const tooLong = (what: string, positions: number, name: string) =>
  new PolicyError(
    'prompt_too_long',
    `A prompt of ${what} does not fit the ${positions} positions of ${name}. Send less, or ask for fewer tokens.`,
  );

const withoutTokens = (episode: Episode): PlayedEpisode => ({
  ...episode,
  turns: episode.turns.map((turn) => ({ ...turn, reply: { text: turn.reply.text, finish: turn.reply.finish } })),
});
