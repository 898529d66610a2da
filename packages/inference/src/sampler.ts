// A model that many ask at once. Who asks while it computes joins at the next token, whatever the settings of the others:
// one run of the network serves all that are open. Rows of different lengths are answered together, what several share is
// computed once, and every token is drawn exactly from the distribution whose log-probability is reported.

import type { Message } from '@ludic/history';
import type { Generation, Question } from './contract.ts';
import { type DecodeResult, Decoder, type DrawnToken, type Wanted } from './decoder.ts';
import { contextOverflow, PolicyError } from './errors.ts';
import type { Prefix } from './kv-cache/cache.ts';
import { SharedPrefix } from './kv-cache/shared-prefix.ts';
import type { LanguageModel } from './language-model.ts';
import { PromptEncoder } from './prompt-encoder.ts';
import { Remembered } from './remembered.ts';
import { type LanguageModelSettings, type Mode, RunningReply } from './running-reply.ts';
import { type Distribution, draw, logprobAt, notFinite, tokenAt } from './sampling/distribution.ts';
import { stopsWithSpecialTokens } from './sampling/stop-texts.ts';
import type { TokenNode } from './token-tree.ts';

/** Token slots, padding included, of one run of the network. */
export const SLOTS_PER_RUN = 16_384;
/** Tokens drawn for others before a conversation that does not go on is forgotten. Games go on at once. */
const PATIENCE = 8;

export interface SamplerOptions {
  /**
   * Awaited before the first token and after each: who runs beside others in one thread lets them have their turn here.
   * Default: nothing.
   */
  readonly pause?: () => Promise<void>;
}

export interface StreamedToken {
  readonly token: number;
  /** As in the reply: of the distribution that it was drawn from. */
  readonly logprob: number;
  /** The reply so far, up to the last whole character. */
  readonly text: string;
  /** The network's raw logits of the whole vocabulary, where they were asked for. */
  readonly logits: Float32Array | undefined;
}

export interface SampleOptions {
  /** Once it is aborted, sampling stops and rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called with each token as it is drawn, the last included. Must not throw. */
  readonly onToken?: (question: number, token: StreamedToken) => void;
  /** Whether `onToken` needs logits. */
  readonly logits?: boolean;
}

/** Questions that were asked together. */
interface Call {
  readonly answers: readonly RunningReply[];
  readonly options: SampleOptions;
  /** Those of them that go on. */
  open: readonly RunningReply[];
  readonly resolve: (replies: Generation[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** Where a conversation may go on, and when that was noted. */
interface Conversation {
  readonly node: TokenNode;
  readonly step: number;
}

export class Sampler {
  readonly #model: LanguageModel;
  readonly #pause: (() => Promise<void>) | undefined;
  readonly #decoder: Decoder;
  readonly #encoder: PromptEncoder;
  readonly #remembered: Remembered;
  readonly #shared: SharedPrefix;
  readonly #texts = new Map<string, string>();
  readonly #calls = new Set<Call>();
  #running = false;
  #step = 0;
  #holding: TokenNode[] = [];
  #conversations = new Map<object, Conversation>();

  constructor(model: LanguageModel, { pause }: SamplerOptions = {}) {
    this.#model = model;
    this.#pause = pause;
    this.#decoder = new Decoder(model);
    this.#encoder = new PromptEncoder(model.tokenizer, model.template);
    this.#shared = new SharedPrefix(this.#decoder);
    this.#remembered = new Remembered(model.config, model.runtime.tensors === 'device', (stop) =>
      stopsWithSpecialTokens(stop, model.tokenizer),
    );
  }

  /** To be called when the model's parameters have changed: all that was computed with the old ones is forgotten. */
  weightsChanged(): void {
    this.#forget();
    this.#shared.forget();
    void this.#decoder.release(new Set(), undefined);
  }

  /**
   * One reply per question, in order. Others may ask meanwhile.
   * @throws PolicyError `bad_setting`, `prompt_too_long`, `not_finite`; the signal's reason once it is aborted
   */
  async sample(
    questions: readonly Question[],
    settings: LanguageModelSettings,
    options: SampleOptions = {},
  ): Promise<Generation[]> {
    options.signal?.throwIfAborted();
    if (this.#remembered.full) this.#forget();
    const mode = this.#remembered.modeOf(settings);
    const answers = questions.map((question) => this.#begin(question, mode));
    if (answers.length === 0) return [];
    return new Promise((resolve, reject) => {
      this.#calls.add({ answers, options, open: answers, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  /** Tokens of a prompt. */
  promptLength(messages: readonly Message[]): number {
    return this.#encoder.encode(messages).length;
  }

  /** In a sentence why a prompt and a reply do not fit the context of the model; undefined where they do. */
  overflowOf(messages: readonly Message[], maxCompletionLength: number): string | undefined {
    return this.#overflow(this.#encoder.encode(messages), maxCompletionLength);
  }

  dispose(): void {
    void this.#decoder.dispose();
  }

  /** Token after token, for as long as anybody waits. Never rejects. */
  async #run(): Promise<void> {
    this.#running = true;
    const began = ++this.#step;
    try {
      await this.#pause?.();
      while (this.#calls.size > 0) {
        this.#dropAborted();
        const open = [...this.#calls];
        if (open.length === 0) {
          await this.#keepConversations([], began);
          continue;
        }
        await this.#learnNext(
          open.flatMap((call) => call.open),
          open,
        );
        for (const call of open) this.#drawTokens(call);
        this.#remembered.relieve();
        this.#step++;
        const ended = open.filter((call) => call.open.length === 0 && this.#calls.has(call));
        if (ended.length > 0) {
          for (const call of ended) this.#calls.delete(call);
          await this.#keepConversations(ended, began);
          for (const { answers, resolve } of ended) resolve(answers.map(({ reply }) => reply!));
        }
        await this.#pause?.();
      }
    } catch (error) {
      const calls = [...this.#calls];
      this.#calls.clear();
      this.#forget();
      for (const { reject } of calls) reject(error);
    } finally {
      this.#running = false;
    }
  }

  #dropAborted(): void {
    for (const call of this.#calls) {
      const { signal } = call.options;
      if (!signal?.aborted) continue;
      this.#calls.delete(call);
      call.reject(signal.reason);
    }
  }

  #forget(): void {
    this.#remembered.forget();
    this.#holding = [];
    this.#conversations = new Map();
  }

  #overflow({ length }: Int32Array, maxCompletionLength: number): string | undefined {
    return contextOverflow(length, maxCompletionLength, this.#model.config.maxPositions, this.#model.name);
  }

  #begin(question: Question, mode: Mode): RunningReply {
    const ids = this.#encoder.encode(question.messages);
    const overflow = this.#overflow(ids, mode.settings.maxCompletionLength);
    if (overflow !== undefined) throw new PolicyError('prompt_too_long', overflow);
    return new RunningReply(question, mode, ids, this.#remembered.endOf(ids), this.#textOf, this.#wholeTextOf);
  }

  /** Draws the next token of each reply. What cannot be drawn ends this call and no other. */
  #drawTokens(call: Call): void {
    try {
      call.open = call.open.filter((answer) => !this.#drawToken(answer, call));
    } catch (error) {
      this.#calls.delete(call);
      call.reject(error);
    }
  }

  /** Draws one token. True when the reply is complete. */
  #drawToken(answer: RunningReply, { answers, options: { onToken } }: Call): boolean {
    const { node, mode, drawn: given } = answer;
    const drawn = given ? checked(given) : drawFrom(this.#remembered.distributionAt(node, mode), answer.question);
    answer.drawn = undefined;
    const first = answer.tokens.length === 0;
    const known = first && !onToken ? mode.short.get(node)?.get(drawn.token) : undefined;
    if (known) {
      answer.reply = known;
      return true;
    }
    const stopped = answer.push(drawn) || this.#model.config.eosTokenIds.includes(drawn.token);
    onToken?.(answers.indexOf(answer), { ...drawn, text: answer.text, logits: node.logits });
    if (!stopped && answer.tokens.length < mode.settings.maxCompletionLength) {
      answer.node = node.child(drawn.token);
      return false;
    }
    const reply = answer.finish(stopped ? 'stop' : 'length', this.#textOf(answer.tokens));
    if (first) {
      const replies = mode.short.get(node);
      if (replies) replies.set(drawn.token, reply);
      else mode.short.set(node, new Map([[drawn.token, reply]]));
    }
    return true;
  }

  readonly #textOf = (tokens: readonly number[]): string => {
    const key = tokens.join();
    let text = this.#texts.get(key);
    if (text === undefined) {
      text = this.#model.tokenizer.decode(tokens, { skipSpecialTokens: true });
      if (tokens.length > LONGEST_REMEMBERED) return text;
      if (this.#texts.size > 100_000) this.#texts.clear();
      this.#texts.set(key, text);
    }
    return text;
  };

  readonly #wholeTextOf = (tokens: readonly number[]): string => this.#model.tokenizer.decode(tokens);

  /** Computes what comes next: the logits of nodes that have none, or, on a device that draws, the tokens. */
  async #learnNext(answers: readonly RunningReply[], calls: readonly Call[]): Promise<void> {
    const unknown = new Map<TokenNode, RunningReply[]>();
    for (const answer of answers) {
      if (answer.node.logits) continue;
      const others = unknown.get(answer.node);
      if (others) others.push(answer);
      else unknown.set(answer.node, [answer]);
    }
    const spelled = new Set(calls.filter(({ options }) => options.logits).flatMap(({ open }) => open));
    const wantedOf = (nodes: readonly TokenNode[]) => this.#wanted(nodes, unknown, spelled);
    const fresh: TokenNode[] = [];
    // All rows of one prefix go on together, wherever they were computed.
    const continued = new Map<Prefix | undefined, TokenNode[]>();
    for (const node of unknown.keys()) {
      const known = node.nearestKnown()?.known;
      if (!known) fresh.push(node);
      else if (continued.has(known.decoded.prefix)) continued.get(known.decoded.prefix)!.push(node);
      else continued.set(known.decoded.prefix, [node]);
    }
    for (const ends of continued.values()) {
      const starts = ends.map((end) => end.nearestKnown()!);
      const wanted = wantedOf(ends);
      const result = await this.#decoder.extend(
        starts.map((start) => start.known!),
        ends.map((end, i) => end.path(end.depth - starts[i]!.depth)),
        // Answers that are together now may part ways at the next token.
        Math.min(
          ends.length,
          ends.reduce((sum, end) => sum + unknown.get(end)!.length - 1, 0),
        ),
        wanted,
      );
      for (const start of starts) start.known = undefined;
      this.#note(ends, unknown, wanted, result);
    }
    const sequences = fresh.map((node) => node.path());
    const prefix = await this.#shared.of(sequences);
    for (const [from, to] of runs(sequences)) {
      const nodes = fresh.slice(from, to);
      const wanted = wantedOf(nodes);
      const result = await this.#decoder.prefill(sequences.slice(from, to), prefix, wanted);
      this.#note(nodes, unknown, wanted, result);
    }
  }

  /**
   * What is asked of a run that ends at some nodes: on a device that draws, one token for every answer there. It knows one
   * temperature in a run; where answers want several, or want logits, it sends logits back and the drawing is done here.
   */
  #wanted(
    nodes: readonly TokenNode[],
    answersAt: ReadonlyMap<TokenNode, readonly RunningReply[]>,
    spelled: ReadonlySet<RunningReply>,
  ): Wanted {
    if (this.#model.runtime.tensors === 'host') return { kind: 'logits' };
    const { temperature } = answersAt.get(nodes[0]!)![0]!.mode.settings;
    const sequenceOf: number[] = [];
    const asking: RunningReply[] = [];
    for (const [i, node] of nodes.entries()) {
      for (const answer of answersAt.get(node)!) {
        const { drawable, settings } = answer.mode;
        if (!drawable || settings.temperature !== temperature || spelled.has(answer)) return { kind: 'logits' };
        sequenceOf.push(i);
        asking.push(answer);
      }
    }
    const uniforms = asking.map(({ question }) => question.random.nextFloat());
    return temperature === 0 ? { kind: 'greedy', sequenceOf } : { kind: 'sample', sequenceOf, uniforms, temperature };
  }

  #note(
    nodes: readonly TokenNode[],
    answersAt: ReadonlyMap<TokenNode, readonly RunningReply[]>,
    { kind }: Wanted,
    { logits, drawn, known }: DecodeResult,
  ): void {
    const { vocabSize } = this.#model.config;
    let next = 0;
    for (const [i, node] of nodes.entries()) {
      node.known = known[i]!;
      this.#holding.push(node);
      if (kind !== 'logits') {
        for (const answer of answersAt.get(node)!) answer.drawn = drawn[next++]!;
      } else {
        this.#remembered.spell(node, logits.subarray(i * vocabSize, (i + 1) * vocabSize));
      }
    }
  }

  /**
   * Keys and values outlive a call only where somebody computes on from them: answers that are open, and conversations that
   * may go on. A conversation of earlier calls counts while it is fresh, and only as long as others kept the loop going.
   */
  async #keepConversations(ended: readonly Call[], began: number): Promise<void> {
    for (const { question, node } of ended.flatMap(({ answers }) => answers)) {
      if (node.known && question.messages.some(({ role }) => role === 'assistant'))
        this.#conversations.set(question.episode, { node, step: this.#step });
    }
    const oldest = Math.max(began, this.#step - PATIENCE);
    for (const [episode, { step }] of this.#conversations) if (step < oldest) this.#conversations.delete(episode);
    const kept = new Set(Array.from(this.#conversations.values(), ({ node }) => node).filter(({ known }) => known));
    for (const { open } of this.#calls) {
      for (const { node } of open) {
        const needed = node.known ? node : node.nearestKnown();
        if (needed) kept.add(needed);
      }
    }
    for (const node of this.#holding) if (!kept.has(node)) node.known = undefined;
    this.#holding = [...kept];
    await this.#decoder.release(new Set(this.#holding.map((node) => node.known!.decoded)), this.#shared.prefix);
  }
}

/** Tokens of the longest text that is remembered. */
const LONGEST_REMEMBERED = 64;

function drawFrom(distribution: Distribution, { random }: Question): DrawnToken {
  const index = draw(distribution, random.nextFloat());
  return {
    token: tokenAt(distribution, index),
    logprob: logprobAt(distribution, index),
    entropy: distribution.entropy,
  };
}

function checked(drawn: DrawnToken): DrawnToken {
  if (!Number.isFinite(drawn.logprob)) throw notFinite();
  return drawn;
}

/** Cuts a list of sequences into runs of at most SLOTS_PER_RUN padded slots. */
function* runs(sequences: readonly Int32Array[]): Generator<readonly [number, number]> {
  let from = 0;
  let longest = 0;
  for (const [i, sequence] of sequences.entries()) {
    longest = Math.max(longest, sequence.length);
    if (i > from && longest * (i - from + 1) > SLOTS_PER_RUN) {
      yield [from, i];
      from = i;
      longest = sequence.length;
    }
  }
  if (from < sequences.length) yield [from, sequences.length];
}
