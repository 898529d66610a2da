// Continuous batching: many callers sample from one model at once. A call that arrives while others are computed joins at
// the next token, whatever its parameters: one run of the network serves all open generations. Rows of different lengths
// are decoded together, what several share is computed once, and every token is drawn exactly from the distribution whose
// log-probability is reported.

import type { Message } from '@ludic/history';
import type { Generation, Prompt } from './contract.ts';
import { type DecodeRequest, type DecodeResult, Decoder } from './decoder.ts';
import { contextOverflow, PolicyError } from './errors.ts';
import { SharedPrefix } from './kv-cache/shared-prefix.ts';
import type { LanguageModel } from './language-model.ts';
import { PromptEncoder } from './prompt-encoder.ts';
import { type PreparedParams, RunningGeneration } from './running-generation.ts';
import { type DrawnToken, draw, notFinite } from './sampling/distribution.ts';
import type { SamplingParams } from './sampling/params.ts';
import type { TokenNode } from './token-node.ts';
import { TokenTree } from './token-tree.ts';

/** Token slots, padding included, of one run of the network. */
export const SLOTS_PER_RUN = 16_384;
/** Steps of the sampler for which the keys and values of a conversation are kept. Games continue at once. */
const STEPS_KEPT = 8;

/** How a sampler shares its thread with other work. */
export interface SamplerOptions {
  /**
   * Awaited before the first token and after each, so that other work in the same thread has its turn. Default: no pause.
   */
  readonly pause?: () => Promise<void>;
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
interface SampleCall {
  readonly generations: readonly RunningGeneration[];
  readonly options: SampleOptions;
  /** Those that are not complete. */
  open: readonly RunningGeneration[];
  readonly resolve: (results: Generation[]) => void;
  readonly reject: (reason: unknown) => void;
}

/** Where a conversation may continue, and the step at which it was last used. */
interface Conversation {
  readonly node: TokenNode;
  readonly step: number;
}

/** Samples from one model for many callers at once. A reply rests on its own prompt, parameters and stream alone. */
export class Sampler {
  readonly #model: LanguageModel;
  readonly #pause: (() => Promise<void>) | undefined;
  readonly #decoder: Decoder;
  readonly #encoder: PromptEncoder;
  readonly #tree: TokenTree;
  readonly #shared: SharedPrefix;
  readonly #texts = new Map<string, string>();
  readonly #calls = new Set<SampleCall>();
  #running = false;
  #step = 0;
  #withKv: TokenNode[] = [];
  #conversations = new Map<object, Conversation>();

  constructor(model: LanguageModel, { pause }: SamplerOptions = {}) {
    this.#model = model;
    this.#pause = pause;
    this.#decoder = new Decoder(model);
    this.#encoder = new PromptEncoder(model.tokenizer, model.template);
    this.#shared = new SharedPrefix(this.#decoder);
    this.#tree = new TokenTree(model);
  }

  /** To be called when the model's parameters have changed: discards all that was computed with the old ones. */
  weightsChanged(): void {
    this.#discard();
    this.#shared.clear();
    void this.#decoder.release(new Set(), undefined);
  }

  /**
   * One generation per prompt, in order. Calls may overlap.
   * @param prompts the same `messages` are encoded once, and give the same `Int32Array` in `tokens.prompt`
   * @throws PolicyError `bad_setting`, `prompt_too_long`, `not_finite`; the signal's reason once it is aborted
   */
  async sample(prompts: readonly Prompt[], params: SamplingParams, options: SampleOptions = {}): Promise<Generation[]> {
    options.signal?.throwIfAborted();
    if (this.#tree.full) this.#discard();
    const prepared = this.#tree.prepare(params);
    const generations = prompts.map((prompt) => this.#begin(prompt, prepared));
    if (generations.length === 0) return [];
    return new Promise((resolve, reject) => {
      this.#calls.add({ generations, options, open: generations, resolve, reject });
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

  /** Token after token, for as long as there are calls. Never rejects. */
  async #run(): Promise<void> {
    this.#running = true;
    const began = ++this.#step;
    try {
      await this.#pause?.();
      while (this.#calls.size > 0) {
        this.#dropAborted();
        const open = [...this.#calls];
        if (open.length === 0) {
          await this.#releaseKv([], began);
          continue;
        }
        await this.#decodeNext(
          open.flatMap((call) => call.open),
          open,
        );
        for (const call of open) this.#drawTokens(call);
        this.#tree.evictLogits();
        this.#step++;
        const ended = open.filter((call) => call.open.length === 0 && this.#calls.has(call));
        if (ended.length > 0) {
          for (const call of ended) this.#calls.delete(call);
          await this.#releaseKv(ended, began);
          for (const { generations, resolve } of ended) resolve(generations.map(({ result }) => result!));
        }
        await this.#pause?.();
      }
    } catch (error) {
      const calls = [...this.#calls];
      this.#calls.clear();
      this.#discard();
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

  #discard(): void {
    this.#tree.clear();
    this.#withKv = [];
    this.#conversations = new Map();
  }

  #overflow({ length }: Int32Array, maxCompletionLength: number): string | undefined {
    return contextOverflow(length, maxCompletionLength, this.#model.config.maxPositions, this.#model.name);
  }

  #begin(prompt: Prompt, prepared: PreparedParams): RunningGeneration {
    const ids = this.#encoder.encode(prompt.messages);
    const overflow = this.#overflow(ids, prepared.params.maxCompletionLength);
    if (overflow !== undefined) throw new PolicyError('prompt_too_long', overflow);
    return new RunningGeneration(prompt, prepared, ids, this.#tree.promptEnd(ids), this.#textOf, this.#wholeTextOf);
  }

  /** Draws the next token of each generation. A failure rejects this call and no other. */
  #drawTokens(call: SampleCall): void {
    try {
      call.open = call.open.filter((generation) => !this.#drawToken(generation, call));
    } catch (error) {
      this.#calls.delete(call);
      call.reject(error);
    }
  }

  /** Draws one token. True when the generation is complete. */
  #drawToken(generation: RunningGeneration, { generations, options: { onToken } }: SampleCall): boolean {
    const { node, prepared, drawn: onDevice } = generation;
    const drawn = onDevice
      ? checked(onDevice)
      : draw(this.#tree.distributionAt(node, prepared), generation.prompt.random.nextFloat());
    generation.drawn = undefined;
    const first = generation.tokens.length === 0;
    const known = first && !onToken ? prepared.oneToken.get(node)?.get(drawn.token) : undefined;
    if (known) {
      generation.result = known;
      return true;
    }
    const stopped = generation.push(drawn) || this.#model.config.eosTokenIds.includes(drawn.token);
    onToken?.(generations.indexOf(generation), { ...drawn, text: generation.text, logits: node.logits });
    if (!stopped && generation.tokens.length < prepared.params.maxCompletionLength) {
      generation.node = node.child(drawn.token);
      return false;
    }
    const result = generation.finish(stopped ? 'stop' : 'length', this.#textOf(generation.tokens));
    if (first) {
      const others = prepared.oneToken.get(node);
      if (others) others.set(drawn.token, result);
      else prepared.oneToken.set(node, new Map([[drawn.token, result]]));
    }
    return true;
  }

  readonly #textOf = (tokens: readonly number[]): string => {
    const key = tokens.join();
    let text = this.#texts.get(key);
    if (text === undefined) {
      text = this.#model.tokenizer.decode(tokens, { skipSpecialTokens: true });
      if (tokens.length > LONGEST_KEPT_TEXT) return text;
      if (this.#texts.size > 100_000) this.#texts.clear();
      this.#texts.set(key, text);
    }
    return text;
  };

  readonly #wholeTextOf = (tokens: readonly number[]): string => this.#model.tokenizer.decode(tokens);

  /** Computes the next logits of nodes that have none or, on a device that draws, the next tokens. */
  async #decodeNext(generations: readonly RunningGeneration[], calls: readonly SampleCall[]): Promise<void> {
    const undecided = Map.groupBy(
      generations.filter(({ node }) => !node.logits),
      ({ node }) => node,
    );
    const withLogits = new Set(calls.filter(({ options }) => options.logits).flatMap(({ open }) => open));
    const requestFor = (nodes: readonly TokenNode[]) => this.#requestFor(nodes, undecided, withLogits);
    const { fresh = [], continued = [] } = Object.groupBy(undecided.keys(), (node) =>
      node.nearestWithKv() ? 'continued' : 'fresh',
    );
    // Rows of one prefix are extended together, whichever runs computed them.
    for (const ends of Map.groupBy(continued, (node) => node.nearestWithKv()!.kv!.batch.prefix).values()) {
      const starts = ends.map((end) => end.nearestWithKv()!);
      const request = requestFor(ends);
      const result = await this.#decoder.extend(
        starts.map((start) => start.kv!),
        ends.map((end, i) => end.path(end.depth - starts[i]!.depth)),
        // Generations at one node may draw different tokens next, and then need rows of their own.
        Math.min(
          ends.length,
          ends.reduce((sum, end) => sum + undecided.get(end)!.length - 1, 0),
        ),
        request,
      );
      for (const start of starts) start.kv = undefined;
      this.#record(ends, undecided, request, result);
    }
    const sequences = fresh.map((node) => node.path());
    const prefix = await this.#shared.of(sequences);
    for (const [from, to] of runs(sequences)) {
      const nodes = fresh.slice(from, to);
      const request = requestFor(nodes);
      const result = await this.#decoder.prefill(sequences.slice(from, to), prefix, request);
      this.#record(nodes, undecided, request, result);
    }
  }

  /**
   * What a run that ends at some nodes returns: on a device that draws, one token for every generation there. One run has
   * one temperature; where generations have several, or logits are asked for, it returns logits and tokens are drawn here.
   */
  #requestFor(
    nodes: readonly TokenNode[],
    generationsAt: ReadonlyMap<TokenNode, readonly RunningGeneration[]>,
    withLogits: ReadonlySet<RunningGeneration>,
  ): DecodeRequest {
    if (this.#model.runtime.tensors === 'host') return { kind: 'logits' };
    const { temperature } = generationsAt.get(nodes[0]!)![0]!.prepared.params;
    const sequenceOf: number[] = [];
    const drawing: RunningGeneration[] = [];
    for (const [i, node] of nodes.entries()) {
      for (const generation of generationsAt.get(node)!) {
        const { drawnOnDevice, params } = generation.prepared;
        if (!drawnOnDevice || params.temperature !== temperature || withLogits.has(generation))
          return { kind: 'logits' };
        sequenceOf.push(i);
        drawing.push(generation);
      }
    }
    const uniforms = drawing.map(({ prompt }) => prompt.random.nextFloat());
    return temperature === 0 ? { kind: 'greedy', sequenceOf } : { kind: 'sample', sequenceOf, uniforms, temperature };
  }

  #record(
    nodes: readonly TokenNode[],
    generationsAt: ReadonlyMap<TokenNode, readonly RunningGeneration[]>,
    { kind }: DecodeRequest,
    { logits, drawn, kv }: DecodeResult,
  ): void {
    const { vocabSize } = this.#model.config;
    let next = 0;
    for (const [i, node] of nodes.entries()) {
      node.kv = kv[i]!;
      this.#withKv.push(node);
      if (kind !== 'logits') {
        for (const generation of generationsAt.get(node)!) generation.drawn = drawn[next++]!;
      } else {
        this.#tree.setLogits(node, logits.subarray(i * vocabSize, (i + 1) * vocabSize));
      }
    }
  }

  /**
   * Frees keys and values that no open generation and no recent conversation continues from. A conversation of earlier
   * calls is recent for STEPS_KEPT steps, and only while this loop has not stopped in between.
   */
  async #releaseKv(ended: readonly SampleCall[], began: number): Promise<void> {
    for (const { prompt, node } of ended.flatMap(({ generations }) => generations)) {
      if (node.kv && prompt.messages.some(({ role }) => role === 'assistant'))
        this.#conversations.set(prompt.episode, { node, step: this.#step });
    }
    const oldest = Math.max(began, this.#step - STEPS_KEPT);
    for (const [episode, { step }] of this.#conversations) if (step < oldest) this.#conversations.delete(episode);
    const kept = new Set(Array.from(this.#conversations.values(), ({ node }) => node).filter(({ kv }) => kv));
    for (const { open } of this.#calls) {
      for (const { node } of open) {
        const needed = node.kv ? node : node.nearestWithKv();
        if (needed) kept.add(needed);
      }
    }
    for (const node of this.#withKv) if (!kept.has(node)) node.kv = undefined;
    this.#withKv = [...kept];
    await this.#decoder.release(new Set(this.#withKv.map((node) => node.kv!.batch)), this.#shared.prefix);
  }
}

/** Tokens of the longest text whose decoding is kept. */
const LONGEST_KEPT_TEXT = 64;

function checked(drawn: DrawnToken): DrawnToken {
  if (!Number.isFinite(drawn.logprob)) throw notFinite();
  return drawn;
}

/** Cuts a list of sequences into runs of at most SLOTS_PER_RUN padded slots: [from, to). */
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
