// What a process does with its model: games and chats, all through one sampler, so that whatever runs at the same time
// shares runs of the network. Games of jobs have a sampler of their own, which waits for requests.

import { setImmediate } from 'node:timers/promises';
import { type ChatAnswer, type ChatChoice, ChatReply, type ChatTask, type ChoiceDelta } from '@ludic/chat';
import { type LanguageModel, PolicyError, Sampler, ToolReplyReader } from '@ludic/inference';
import { IncrementalDetokenizer, rateToken } from '@ludic/inference/internal';
import { type GamePrompt, isReply, LanguageModelPolicy } from '@ludic/policies';
import { stream } from '@ludic/random';
import { type Episode, type Evaluation, evaluate, evaluationStarts } from '@ludic/rollouts';
import { assertRoom, playPrepared, prepareEpisodes } from '@ludic/rollouts/internal';
import type { Runtime } from '@ludic/runtime';
import { trajectoryOf } from '@ludic/service/internal';
import {
  type Counters,
  type EvaluationPart,
  type EvaluationTask,
  LONGEST_REPLY,
  type RolloutTask,
} from './protocol.ts';
import { RequestsFirst } from './requests-first.ts';

/** Games in lockstep: more would keep others waiting for each token. */
const GAMES_AT_ONCE = 100;
/** The same of a job, whose runs a request waits for and does not share; and how often it is told how many have ended. */
const JOB_GAMES_AT_ONCE = 50;
const JOB_GAMES_TOLD = 250;
/** Replies of one chat that are sampled at once: what more of them hold in memory would have no bound. */
const REPLIES_AT_ONCE = 16;
/** Log-probabilities in one answer: about 60 MB of JSON. */
const MOST_CHANCES = 2 ** 19;
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
  readonly #endings: readonly string[];
  readonly #calls: ToolReplyReader;
  readonly #sampler: Sampler;
  readonly #requestsFirst = new RequestsFirst();
  /** Of the games of jobs. */
  readonly #backgroundSampler: Sampler;
  readonly #runs: () => number;
  #tokens = 0;
  #games = 0;

  /**
   * @param runs of the network so far
   * @param endings texts that end a turn of the model, as its own end tokens do
   */
  constructor(model: LanguageModel, runs: () => number, endings: readonly string[] = []) {
    this.#model = model;
    this.#endings = endings;
    this.#calls = new ToolReplyReader(model);
    this.#runs = runs;
    // Messages of the server come in between two tokens.
    this.#sampler = new Sampler(model, { pause: () => setImmediate() });
    this.#backgroundSampler = new Sampler(model, { pause: () => this.#requestsFirst.turn() });
  }

  /** What the model's files say that is not heeded. */
  get warnings(): readonly string[] {
    return this.#model.warnings ?? [];
  }

  get counters(): Counters {
    return { runs: this.#runs(), tokens: this.#tokens, games: this.#games, memory: process.memoryUsage.rss() };
  }

  /** @param report resolves when a part is on its way, so that not many wait in memory */
  evaluate(
    task: EvaluationTask,
    report: (part: EvaluationPart) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<Evaluation> {
    if (!task.background) return this.#requestsFirst.during(() => this.#evaluate(task, report, signal));
    this.#requestsFirst.jobBegins();
    return this.#evaluate(task, report, signal);
  }

  async #evaluate(
    { episodes, trajectories, background, ...task }: EvaluationTask,
    report: (part: EvaluationPart) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<Evaluation> {
    for (const message of this.warnings) await report({ type: 'warning', message });
    const { spec, policy } = this.#played(task, background ? this.#backgroundSampler : this.#sampler);
    const told = background ? JOB_GAMES_TOLD : GAMES_AT_ONCE;
    return evaluate({
      ...spec,
      policy,
      episodes,
      seed: task.seed,
      batchSize: background ? JOB_GAMES_AT_ONCE : GAMES_AT_ONCE,
      onProgress: async (played, fresh) => {
        this.#games += fresh.length;
        const first = played - fresh.length;
        for (const [i, episode] of trajectories ? fresh.entries() : [])
          await report({ type: 'game', json: JSON.stringify(evaluatedGame(episode, first + i)) });
        if (played % told === 0 || played === episodes) await report({ type: 'played', games: played });
      },
      signal,
    });
  }

  rollout(task: RolloutTask, signal: AbortSignal): Promise<Episode> {
    return this.#requestsFirst.during(async () => {
      const { spec, policy } = this.#played(task, this.#sampler);
      const [episode] = await playPrepared(spec, { policy, starts: evaluationStarts(task.seed, 1), signal });
      assertRoom([episode!]);
      this.#games++;
      return withoutTokens(episode!);
    });
  }

  chat(task: ChatTask, onDelta: (delta: ChoiceDelta) => void, signal: AbortSignal): Promise<ChatAnswer> {
    return this.#requestsFirst.during(() => this.#chat(task, onDelta, signal));
  }

  async #chat(task: ChatTask, onDelta: (delta: ChoiceDelta) => void, signal: AbortSignal): Promise<ChatAnswer> {
    const { stop, alternatives } = task;
    const limit = this.#longestReply(task);
    const settings = { ...task.sampling, stop: [...stop, ...this.#endings], maxCompletionLength: limit };
    const choices: ChatChoice[] = [];
    let prompt: Int32Array = new Int32Array();
    let completionTokens = 0;
    for (let first = 0; first < task.choices; first += REPLIES_AT_ONCE) {
      const count = Math.min(REPLIES_AT_ONCE, task.choices - first);
      const writing = Array.from({ length: count }, () => this.#replyTo(task));
      const tokens = writing.map((): ChoiceDelta['tokens'][number][] => []);
      const show = (i: number, piece: Omit<ChoiceDelta, 'choice'>) => {
        // What is told at once need not be kept.
        if (!task.stream) tokens[i]!.push(...piece.tokens);
        else if (piece.text !== '' || piece.tokens.length > 0) onDelta({ choice: first + i, ...piece });
      };
      const replies = await this.#sampler.sample(this.#prompts(task, first, count), settings, {
        signal,
        logits: alternatives !== undefined,
        onToken: (i, { token, text, logits }) => {
          this.#tokens++;
          const chances =
            alternatives !== undefined ? rateToken(token, logits!, alternatives, this.#model.tokenizer) : undefined;
          const { reply, marked } = writing[i]!;
          marked?.push(token);
          show(i, reply.grow(marked?.text ?? text, chances));
        },
      });
      for (const [i, { text, finish, tokens: sampled }] of replies.entries()) {
        const { reply, marked } = writing[i]!;
        show(i, reply.finish(marked ? this.#calls.text(sampled.completion) : text));
        choices.push({
          text: reply.content,
          finish,
          tokens: tokens[i]!,
          ...(reply.toolCalls.length > 0 && { toolCalls: reply.toolCalls }),
          ...(task.tokenIds && { tokenIds: Array.from(sampled.completion) }),
        });
      }
      prompt = replies[0]!.tokens.prompt;
      completionTokens += replies.reduce((sum, reply) => sum + reply.tokens.completion.length, 0);
    }
    const promptTokenIds = task.tokenIds && { promptTokenIds: Array.from(prompt) };
    return { choices, promptTokens: prompt.length, completionTokens, ...promptTokenIds };
  }

  /** A reply that is about to be written, and where there are tools its text with the marks of calls. */
  #replyTo({ tools, stop, keepStop, oneCall }: ChatTask) {
    const toolFormat = tools && this.#calls.format;
    return {
      reply: new ChatReply({ stop: keepStop ? [] : stop, toolFormat, oneCall }),
      marked: tools && new IncrementalDetokenizer(this.#calls.text),
    };
  }

  #prompts({ messages, tools, seed }: ChatTask, first: number, count: number) {
    return Array.from({ length: count }, (_, i) => ({
      messages,
      ...(tools && { tools }),
      random: stream(seed, 'chat', first + i),
    }));
  }

  /** @throws PolicyError `prompt_too_long`, `bad_setting` */
  #longestReply({ messages, tools, sampling, choices, alternatives }: ChatTask): number {
    const { maxPositions } = this.#model.config;
    const characters = JSON.stringify([messages, tools]).length;
    if (characters > CHARACTERS_PER_TOKEN * maxPositions)
      throw tooLong(`${characters} characters`, maxPositions, this.#model.name);
    const length = this.#sampler.promptLength(messages, tools);
    if (length >= maxPositions) throw tooLong(`${length} tokens`, maxPositions, this.#model.name);
    const limit = Math.min(sampling.maxCompletionLength ?? LONGEST_REPLY, maxPositions - length);
    if (alternatives !== undefined && choices * limit * (1 + alternatives) > MOST_CHANCES) {
      const most = `${choices} replies of up to ${limit} tokens with ${alternatives} likely ones each`;
      const message = `${most} are more log-probabilities than one answer holds. Ask for fewer replies, tokens or top_logprobs.`;
      throw new PolicyError('bad_setting', message);
    }
    return limit;
  }

  #played({ sampling, ...task }: RolloutTask, sampler: Sampler) {
    const spec = prepareEpisodes(task);
    const policy = new LanguageModelPolicy(this.#model, { ...sampling, game: spec.environment }, sampler);
    const counted = {
      name: policy.name,
      act: async (prompts: readonly GamePrompt[], options?: { readonly signal?: AbortSignal }) => {
        const replies = await policy.act(prompts, options);
        for (const reply of replies) if (isReply(reply)) this.#tokens += reply.tokens!.completion.length;
        return replies;
      },
      dispose() {},
    };
    return { spec, policy: counted };
  }
}

const tooLong = (what: string, positions: number, name: string) =>
  new PolicyError(
    'prompt_too_long',
    `The context of ${name} has ${positions} tokens; the messages are ${what} and leave no room for a reply. Send less.`,
  );

/** A game without token ids, which the HTTP contract does not have. */
const withoutTokens = (episode: Episode): Episode => ({
  ...episode,
  turns: episode.turns.map((turn) => ({ ...turn, reply: { text: turn.reply.text, finish: turn.reply.finish } })),
});

/** A game of an evaluation as clients get it. @param i its place among all games */
const evaluatedGame = (episode: Episode, i: number) => ({
  episode: i,
  reward: episode.reward,
  steps: episode.turns.length,
  trajectory: trajectoryOf(episode, i),
});
