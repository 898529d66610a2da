// Continuous batching: many callers sample from one model at once. A call that arrives while others are computed joins at
// the next token, whatever its parameters: one run of the network serves all open generations. Rows of different lengths
// are decoded together, what several share is computed once, and every token is drawn exactly from the distribution whose
// log-probability is reported.

import type { ChatMessage, Tool } from '@ludic/models';
import { type CachedPrefix, TokenNode } from '@ludic/models/internal';
import type { Generation, Prompt } from './contract.ts';
import { type DecodeRequest, type DecodeResult, Decoder } from './decoder.ts';
import { Detokenizer } from './detokenizer.ts';
import { PolicyError } from './errors.ts';
import { RunningGeneration } from './generation.ts';
import { KeptKv, type KeptRow } from './kv-cache/kept-kv.ts';
import type { LanguageModel } from './language-model.ts';
import { NextTokens } from './next-tokens.ts';
import { contextOverflow, PromptEncoder } from './prompt-encoder.ts';
import { type DrawnToken, draw, notFinite } from './sampling/distribution.ts';
import { PreparedParamsCache, type SamplingParams } from './sampling/params.ts';

/** Token slots, padding included, of one run of the network. */
export const SLOTS_PER_RUN = 16_384;
/** Steps of the sampler for which the keys and values of a conversation are kept. Games continue at once. */
const STEPS_KEPT = 8;
/** See `SamplerOptions`. */
export const TREE_CAPACITY = 2 ** 24;
/** Memory of a node of the tree, in numbers. */
const NUMBERS_PER_NODE = 24;

/** How a sampler shares its thread and its memory with other work. */
export interface SamplerOptions {
  /**
   * Awaited before the first token and after each, so that other work in the same thread has its turn. Default: no pause.
   */
  readonly pause?: () => Promise<void>;
  /**
   * Numbers that the tree and its distributions may take before they are discarded between prompts; twice as many are never
   * exceeded. Default: 2^24, about 200 MB.
   */
  readonly capacity?: number;
}

/** A token at the moment that it is drawn. */
export interface StreamedToken {
  readonly token: number;
  /** In nats, as in the generation: of the distribution that it was drawn from. */
  readonly logprob: number;
  /** Text of the generation so far, up to the last whole character. */
  readonly text: string;
  /** The network's raw logits of the whole vocabulary, where they were asked for. */
  readonly logits: Float32Array | undefined;
}

/** How one call of `sample` is followed token by token, and stopped. */
export interface SampleOptions {
  /** Once it is aborted, sampling stops and rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called with each token as it is drawn, the last included. Must not throw. */
  readonly onToken?: (prompt: number, token: StreamedToken) => void;
  /** Whether `onToken` needs logits. */
  readonly logits?: boolean;
}

/** Prompts that were given together. */
class SampleCall {
  readonly generations: readonly RunningGeneration[];
  readonly options: SampleOptions;
  readonly #settled = Promise.withResolvers<Generation[]>();

  constructor(generations: readonly RunningGeneration[], options: SampleOptions) {
    this.generations = generations;
    this.options = options;
  }

  get settled(): Promise<Generation[]> {
    return this.#settled.promise;
  }

  /** The generations that are not complete. */
  get open(): readonly RunningGeneration[] {
    return this.generations.filter(({ result }) => result === undefined);
  }

  resolve(): void {
    this.#settled.resolve(this.generations.map(({ result }) => result!));
  }

  reject(reason: unknown): void {
    this.#settled.reject(reason);
  }
}

/** Sequences whose next token is wanted, and the generations that are there. */
type OpenEnds = ReadonlyMap<TokenNode, readonly RunningGeneration[]>;

/**
 * Samples from one model for many callers at once. A reply rests on its own prompt, parameters and stream alone.
 *
 * Step after step, for as long as there are calls: decode (the network runs where the next token is not known), draw (each
 * open generation gets a token), finish (complete calls are answered, and keys and values freed that no sequence needs).
 * Sequences are nodes of a token tree; what was computed of them is looked up by node, and lasts until the weights change.
 */
export class Sampler {
  readonly #model: LanguageModel;
  readonly #pause: (() => Promise<void>) | undefined;
  readonly #capacity: number;
  readonly #decoder: Decoder;
  readonly #encoder: PromptEncoder;
  readonly #detokenizer: Detokenizer;
  readonly #params: PreparedParamsCache;
  readonly #next = new NextTokens();
  readonly #kept: KeptKv;
  /** Ends of conversations that may go on, and the step at which each was reached. */
  readonly #conversations = new Map<TokenNode, number>();
  readonly #calls = new Set<SampleCall>();
  #tree = new TokenNode();
  #running = false;
  #step = 0;

  constructor(model: LanguageModel, { pause, capacity = TREE_CAPACITY }: SamplerOptions = {}) {
    this.#model = model;
    this.#pause = pause;
    this.#capacity = capacity;
    this.#decoder = new Decoder(model);
    this.#encoder = new PromptEncoder(model.tokenizer, model.template);
    this.#detokenizer = new Detokenizer(model.tokenizer);
    this.#kept = new KeptKv(this.#decoder);
    this.#params = new PreparedParamsCache(model);
  }

  /** To be called when the model's parameters have changed: discards all that was computed with the old ones. */
  weightsChanged(): void {
    this.#discard();
    void this.#kept.release(new Set());
  }

  /**
   * One generation per prompt, in order. Calls may overlap.
   * @param prompts the same `messages` and `tools` are encoded once, and give the same `Int32Array` in `tokens.prompt`
   * @throws PolicyError `bad_setting`, `prompt_too_long`, `not_finite`; the signal's reason once it is aborted
   */
  async sample(prompts: readonly Prompt[], params: SamplingParams, options: SampleOptions = {}): Promise<Generation[]> {
    options.signal?.throwIfAborted();
    if (this.#size > this.#capacity) this.#discard();
    const prepared = this.#params.get(params);
    const generations = prompts.map((prompt) => {
      const start = this.#encoder.place(prompt, this.#tree);
      const overflow = this.#overflow(start.ids, params.maxCompletionLength);
      if (overflow !== undefined) throw new PolicyError('prompt_too_long', overflow);
      return new RunningGeneration(prompt, start, prepared, this.#detokenizer, options.logits === true);
    });
    if (generations.length === 0) return [];
    const call = new SampleCall(generations, options);
    this.#calls.add(call);
    if (!this.#running) void this.#run();
    return call.settled;
  }

  /** Tokens of a prompt. */
  promptLength(messages: readonly ChatMessage[], tools: readonly Tool[] = []): number {
    return this.#encoder.encode(messages, tools).length;
  }

  /** In a sentence why a prompt and a reply do not fit the context of the model; undefined where they do. */
  overflowOf(
    messages: readonly ChatMessage[],
    maxCompletionLength: number,
    tools: readonly Tool[] = [],
  ): string | undefined {
    return this.#overflow(this.#encoder.encode(messages, tools), maxCompletionLength);
  }

  dispose(): void {
    void this.#decoder.dispose();
  }

  /** In numbers. */
  get #size(): number {
    return this.#next.numbers + NUMBERS_PER_NODE * this.#tree.size;
  }

  #overflow({ length }: Int32Array, maxCompletionLength: number): string | undefined {
    return contextOverflow(length, maxCompletionLength, this.#model.config.maxPositions, this.#model.name);
  }

  /** Token after token, for as long as there are calls. Never rejects. */
  async #run(): Promise<void> {
    this.#running = true;
    const began = ++this.#step;
    try {
      await this.#pause?.();
      while (this.#calls.size > 0) {
        this.#dropAborted();
        // Calls that come while the network runs join at the next token.
        const calls = [...this.#calls];
        await this.#decode(calls.flatMap(({ open }) => open));
        for (const call of calls) this.#draw(call);
        this.#evictLogits();
        this.#step++;
        await this.#finish(calls, began);
        await this.#pause?.();
      }
    } catch (error) {
      const calls = [...this.#calls];
      this.#calls.clear();
      this.#discard();
      for (const call of calls) call.reject(error);
    } finally {
      this.#running = false;
    }
  }

  #dropAborted(): void {
    for (const call of this.#calls) {
      const { signal } = call.options;
      if (signal?.aborted) this.#reject(call, signal.reason);
    }
  }

  #reject(call: SampleCall, reason: unknown): void {
    this.#calls.delete(call);
    call.reject(reason);
  }

  #discard(): void {
    this.#tree = new TokenNode();
    this.#encoder.forgetPlaces();
    this.#next.clear();
    this.#kept.clear();
    this.#params.clear();
    this.#conversations.clear();
  }

  /** Computes the logits after sequences where they are not known or, on a device that draws, the next tokens. */
  async #decode(generations: readonly RunningGeneration[]): Promise<void> {
    const ends: OpenEnds = Map.groupBy(
      generations.filter(({ node }) => !this.#next.logitsAfter(node)),
      ({ node }) => node,
    );
    const fresh: TokenNode[] = [];
    const continued = new Map<CachedPrefix | undefined, { readonly end: TokenNode; readonly start: KeptRow }[]>();
    for (const end of ends.keys()) {
      const start = this.#kept.nearest(end);
      if (!start) {
        fresh.push(end);
        continue;
      }
      // Rows of one prefix are extended together, whichever runs computed them.
      const { prefix } = start.row.batch;
      const together = continued.get(prefix);
      if (together) together.push({ end, start });
      else continued.set(prefix, [{ end, start }]);
    }
    for (const together of continued.values()) await this.#extend(together, ends);
    await this.#prefill(fresh, ends);
  }

  /** Feeds what sequences have beyond the rows that they go on from, which are theirs from then on. */
  async #extend(
    continued: readonly { readonly end: TokenNode; readonly start: KeptRow }[],
    open: OpenEnds,
  ): Promise<void> {
    const ends = continued.map(({ end }) => end);
    const request = this.#requestFor(ends, open);
    // Generations at one node may draw different tokens next, and then need rows of their own.
    const parting = ends.reduce((sum, end) => sum + open.get(end)!.length - 1, 0);
    const result = await this.#decoder.extend(
      continued.map(({ start }) => start.row),
      continued.map(({ end, start }) => end.path(start.node.depth)),
      Math.min(ends.length, parting),
      request,
    );
    for (const { start } of continued) this.#kept.delete(start.node);
    this.#record(ends, open, request, result);
  }

  /** Feeds whole sequences, what all have in common once. Open generations may be in a tree that was discarded meanwhile. */
  async #prefill(fresh: readonly TokenNode[], open: OpenEnds): Promise<void> {
    for (const ends of Map.groupBy(fresh, ({ tree }) => tree).values()) {
      const prefix = await this.#kept.prefixOf(ends);
      for (const together of runs(ends)) {
        const request = this.#requestFor(together, open);
        const sequences = together.map((end) => end.path());
        this.#record(together, open, request, await this.#decoder.prefill(sequences, prefix, request));
      }
    }
  }

  /**
   * What a run that ends at some nodes returns: on a device that draws, one token for every generation there. One run has
   * one temperature; where generations have several, or logits are asked for, it returns logits and tokens are drawn here.
   */
  #requestFor(ends: readonly TokenNode[], open: OpenEnds): DecodeRequest {
    if (this.#model.runtime.tensors === 'host') return { kind: 'logits' };
    const drawing = ends.flatMap((end, i) => open.get(end)!.map((generation) => ({ generation, sequence: i })));
    const { temperature } = drawing[0]!.generation.prepared.params;
    const onDevice = drawing.every(
      ({ generation: { prepared, needsLogits } }) =>
        prepared.drawnOnDevice && prepared.params.temperature === temperature && !needsLogits,
    );
    if (!onDevice) return { kind: 'logits' };
    const sequenceOf = drawing.map(({ sequence }) => sequence);
    const uniforms = drawing.map(({ generation }) => generation.nextUniform());
    return temperature === 0 ? { kind: 'greedy', sequenceOf } : { kind: 'sample', sequenceOf, uniforms, temperature };
  }

  /** Keeps what a run has returned of the sequences that end at these nodes. */
  #record(
    ends: readonly TokenNode[],
    open: OpenEnds,
    { kind }: DecodeRequest,
    { logits, drawn, kv }: DecodeResult,
  ): void {
    const { vocabSize } = this.#model.config;
    for (const [i, end] of ends.entries()) {
      this.#kept.set(end, kv[i]!);
      if (kind === 'logits') this.#next.setLogits(end, logits.subarray(i * vocabSize, (i + 1) * vocabSize));
    }
    if (kind === 'logits') return;
    for (const [i, generation] of ends.flatMap((end) => open.get(end)!).entries()) generation.setDrawn(drawn[i]!);
  }

  /** Draws the next token of each generation. A failure rejects this call and no other. */
  #draw(call: SampleCall): void {
    try {
      for (const [i, generation] of call.generations.entries())
        if (!generation.result) this.#drawToken(generation, i, call.options);
    } catch (error) {
      this.#reject(call, error);
    }
  }

  #drawToken(generation: RunningGeneration, index: number, { onToken }: SampleOptions): void {
    const { node, prepared } = generation;
    const onDevice = generation.takeDrawn();
    // What was discarded while the network ran is computed again in the next step.
    if (!onDevice && !this.#next.logitsAfter(node)) return;
    const drawn = onDevice
      ? checked(onDevice)
      : draw(this.#next.distributionAfter(node, prepared), generation.nextUniform());
    if (!onToken && generation.endAsBefore(drawn.token)) return;
    generation.push(drawn, this.#model.config.eosTokenIds.includes(drawn.token));
    onToken?.(index, { ...drawn, text: generation.text, logits: this.#next.logitsAfter(node) });
  }

  /**
   * Drops logits and distributions in the middle of generations, if they are twice the capacity. All open generations have
   * drawn their token: a later one at the same node has the logits computed again.
   */
  #evictLogits(): void {
    if (this.#size > 2 * this.#capacity) this.#next.clear();
  }

  /** Answers calls that are complete. */
  async #finish(calls: readonly SampleCall[], began: number): Promise<void> {
    const ended = calls.filter((call) => call.open.length === 0 && this.#calls.has(call));
    if (ended.length === 0 && this.#calls.size > 0) return;
    for (const call of ended) this.#calls.delete(call);
    await this.#releaseRows(ended, began);
    for (const call of ended) call.resolve();
  }

  /**
   * Frees keys and values that no open generation and no recent conversation goes on from. A conversation of earlier calls
   * is recent for STEPS_KEPT steps, and only while this loop has not stopped in between.
   */
  async #releaseRows(ended: readonly SampleCall[], began: number): Promise<void> {
    for (const generation of ended.flatMap(({ generations }) => generations))
      if (generation.isConversation) this.#conversations.set(generation.node, this.#step);
    const oldest = Math.max(began, this.#step - STEPS_KEPT);
    for (const [node, step] of this.#conversations)
      if (step < oldest || !this.#kept.has(node)) this.#conversations.delete(node);
    const needed = new Set(this.#conversations.keys());
    for (const { node } of Array.from(this.#calls).flatMap(({ open }) => open)) {
      const from = this.#kept.has(node) ? node : this.#kept.nearest(node)?.node;
      if (from) needed.add(from);
    }
    await this.#kept.release(needed);
  }
}

function checked(drawn: DrawnToken): DrawnToken {
  if (!Number.isFinite(drawn.logprob)) throw notFinite();
  return drawn;
}

/** Cuts a list of sequences into runs of at most SLOTS_PER_RUN padded slots. */
function* runs(ends: readonly TokenNode[]): Generator<readonly TokenNode[]> {
  let from = 0;
  let longest = 0;
  for (const [i, { depth }] of ends.entries()) {
    longest = Math.max(longest, depth);
    if (i > from && longest * (i - from + 1) > SLOTS_PER_RUN) {
      yield ends.slice(from, i);
      from = i;
      longest = depth;
    }
  }
  if (from < ends.length) yield ends.slice(from);
}
