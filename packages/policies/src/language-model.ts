// The language-model policy. Rows of different lengths are answered together, what several episodes share is computed
// once, and every token is drawn exactly from the distribution whose log-probability is reported.

import type { ChatTemplate, ModelConfig, Precision, Tokenizer } from '@ludic/models';
import { sharedPrefixLength } from '@ludic/models';
import type { ResidentTensors, Runtime } from '@ludic/runtime';
import type { Prefix } from './caches.ts';
import type { Policy, Prompt, Reply } from './contract.ts';
import { type DecodeResult, Decoder, type DrawnToken, type ResidentAdapter, type Wanted } from './decoder.ts';
import {
  type Distribution,
  distributionOf,
  draw,
  logprobAt,
  notFinite,
  type SamplingSettings,
  tokenAt,
} from './distribution.ts';
import { PolicyError } from './errors.ts';
import { PromptEncoder } from './prompt-encoder.ts';
import { checkSampling } from './sampling-settings.ts';
import { TokenNode } from './token-tree.ts';

/** A model ready to run: what a policy, a trainer and a scorer share. */
export interface LanguageModel {
  readonly name: string;
  readonly runtime: Runtime;
  readonly config: ModelConfig;
  /** By name in the checkpoint. A trainer changes them. */
  readonly parameters: ResidentTensors;
  /** Trained beside the parameters, which are then frozen. */
  readonly adapter?: ResidentAdapter;
  /** What matrix products are taken in, in sampling and in training alike; by default float32. */
  readonly precision?: Precision;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
}

/** What training changes: the adapter where there is one, else the model itself. */
export const trainedParameters = ({ adapter, parameters }: LanguageModel): ResidentTensors =>
  adapter?.parameters ?? parameters;

export interface LanguageModelSettings extends SamplingSettings {
  /** Most tokens of one reply. */
  readonly maxCompletionLength: number;
  /** Texts after which a reply ends, such as `</move>`. */
  readonly stop: readonly string[];
}

/** Token slots, padding included, of one run of the network. */
export const SLOTS_PER_RUN = 16_384;
/** A shorter common beginning is not worth a run of its own. */
const SHORTEST_PREFIX = 4;
/** Numbers kept in distributions before all are forgotten: about 200 MB. Twice as many are too many in any case. */
export const REMEMBERED = 2 ** 24;

interface Answer {
  readonly prompt: Prompt;
  readonly start: TokenNode;
  readonly ids: Int32Array;
  /** The deepest node that was fed. */
  node: TokenNode;
  /** The next token, where the device has drawn it. */
  drawn: DrawnToken | undefined;
  reply: Reply | undefined;
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly entropies: number[];
}

export class LanguageModelPolicy implements Policy {
  readonly name: string;
  readonly #model: LanguageModel;
  readonly #settings: LanguageModelSettings;
  readonly #decoder: Decoder;
  readonly #encoder: PromptEncoder;
  /** The device draws, and logits stay there. It does not know top-k and top-p. */
  readonly #drawnOnDevice: boolean;
  readonly #replies = new Map<string, string>();
  #root = new TokenNode();
  #remembered = 0;
  /** Nodes that have a distribution. */
  #spelled: TokenNode[] = [];
  #prompts = new Map<Int32Array, TokenNode>();
  /** Replies of one token, by the node they were drawn at: shared by all episodes that draw them. */
  #short = new Map<TokenNode, Map<number, Reply>>();
  #holding: TokenNode[] = [];
  #prefixTokens: Int32Array | undefined;
  #prefix: Prefix | undefined;

  constructor(model: LanguageModel, settings: LanguageModelSettings) {
    checkSampling(settings);
    this.name = model.name;
    this.#model = model;
    this.#settings = settings;
    this.#decoder = new Decoder(model);
    this.#drawnOnDevice = model.runtime.tensors === 'device' && settings.topK === 0 && settings.topP === 1;
    this.#encoder = new PromptEncoder(model.tokenizer, model.template);
  }

  /** To be called when the model's parameters have changed: all that was computed with the old ones is forgotten. */
  weightsChanged(): void {
    this.#forget();
    this.#prefix = undefined;
    // Not even the prefix's tokens stay: what is computed after an update depends on that update alone, so that a run
    // that was interrupted there goes on with the same bits.
    this.#prefixTokens = undefined;
    void this.#decoder.release(new Set(), undefined);
  }

  async act(prompts: readonly Prompt[]): Promise<Reply[]> {
    if (this.#remembered > REMEMBERED) this.#forget();
    const answers = prompts.map((prompt) => this.#begin(prompt));
    let open = answers;
    while (open.length > 0) {
      await this.#learnNext(open);
      open = open.filter((answer) => !this.#drawToken(answer));
      if (this.#remembered > 2 * REMEMBERED) this.#forgetDistributions();
    }
    await this.#keepConversations(answers);
    return answers.map((answer) => answer.reply!);
  }

  dispose(): void {
    void this.#decoder.dispose();
  }

  #forget(): void {
    this.#root = new TokenNode();
    this.#prompts = new Map();
    this.#short = new Map();
    this.#holding = [];
    this.#spelled = [];
    this.#remembered = 0;
  }

  /** All tokens have been drawn: who comes to the same node again has it computed again. */
  #forgetDistributions(): void {
    for (const node of this.#spelled) node.distribution = undefined;
    this.#spelled = [];
    this.#remembered = 0;
  }

  #begin(prompt: Prompt): Answer {
    const ids = this.#encoder.encode(prompt.messages);
    let start = this.#prompts.get(ids);
    if (!start) {
      const { maxPositions } = this.#model.config;
      const { maxCompletionLength } = this.#settings;
      if (ids.length + maxCompletionLength > maxPositions) {
        throw new PolicyError(
          'prompt_too_long',
          `A prompt of ${ids.length} tokens and a reply of up to ${maxCompletionLength} do not fit the ${maxPositions} ` +
            `positions of ${this.name}. Choose a history that shows less, fewer steps, or a shorter reply.`,
        );
      }
      start = this.#root.follow(ids);
      this.#prompts.set(ids, start);
    }
    return {
      prompt,
      start,
      ids,
      node: start,
      drawn: undefined,
      reply: undefined,
      tokens: [],
      logprobs: [],
      entropies: [],
    };
  }

  /** Draws one token. True when the reply is complete. */
  #drawToken(answer: Answer): boolean {
    const { token, logprob, entropy } = answer.drawn ?? drawFrom(answer.node.distribution!, answer.prompt);
    answer.drawn = undefined;
    const first = answer.tokens.length === 0;
    const known = first ? this.#short.get(answer.node)?.get(token) : undefined;
    if (known) {
      answer.reply = known;
      return true;
    }
    answer.tokens.push(token);
    answer.logprobs.push(logprob);
    answer.entropies.push(entropy);
    const text = this.#textOf(answer.tokens);
    const stopped =
      this.#model.config.eosTokenIds.includes(token) || this.#settings.stop.some((stop) => text.includes(stop));
    if (!stopped && answer.tokens.length < this.#settings.maxCompletionLength) {
      answer.node = answer.node.child(token);
      return false;
    }
    answer.reply = {
      text,
      finish: stopped ? 'stop' : 'length',
      tokens: {
        prompt: answer.ids,
        completion: Int32Array.from(answer.tokens),
        logprobs: Float32Array.from(answer.logprobs),
        entropies: Float32Array.from(answer.entropies),
      },
    };
    if (first) {
      const replies = this.#short.get(answer.node);
      if (replies) replies.set(token, answer.reply);
      else this.#short.set(answer.node, new Map([[token, answer.reply]]));
    }
    return true;
  }

  #textOf(tokens: readonly number[]): string {
    const key = tokens.join();
    let text = this.#replies.get(key);
    if (text === undefined) {
      text = this.#model.tokenizer.decode(tokens, { skipSpecialTokens: true });
      if (this.#replies.size > 100_000) this.#replies.clear();
      this.#replies.set(key, text);
    }
    return text;
  }

  /** Computes what comes next: the distributions of nodes that have none, or, on a device that draws, the tokens. */
  async #learnNext(answers: readonly Answer[]): Promise<void> {
    const unknown = new Map<TokenNode, Answer[]>();
    for (const answer of answers) {
      if (answer.node.distribution) continue;
      const others = unknown.get(answer.node);
      if (others) others.push(answer);
      else unknown.set(answer.node, [answer]);
    }
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
      const result = await this.#decoder.extend(
        starts.map((start) => start.known!),
        ends.map((end, i) => end.path(end.depth - starts[i]!.depth)),
        // Answers that are together now may part ways at the next token.
        Math.min(
          ends.length,
          ends.reduce((sum, end) => sum + unknown.get(end)!.length - 1, 0),
        ),
        this.#wanted(ends, unknown),
      );
      for (const start of starts) start.known = undefined;
      this.#note(ends, unknown, result);
    }
    const sequences = fresh.map((node) => node.path());
    const prefix = await this.#prefixOf(sequences);
    for (const [from, to] of runs(sequences)) {
      const nodes = fresh.slice(from, to);
      const result = await this.#decoder.prefill(sequences.slice(from, to), prefix, this.#wanted(nodes, unknown));
      this.#note(nodes, unknown, result);
    }
  }

  /** What is asked of a run that ends at some nodes: on a device that draws, one token for every answer there. */
  #wanted(nodes: readonly TokenNode[], answersAt: ReadonlyMap<TokenNode, readonly Answer[]>): Wanted {
    if (!this.#drawnOnDevice) return { kind: 'logits' };
    const { temperature } = this.#settings;
    const sequenceOf: number[] = [];
    const uniforms: number[] = [];
    for (const [i, node] of nodes.entries()) {
      for (const { prompt } of answersAt.get(node)!) {
        sequenceOf.push(i);
        uniforms.push(prompt.random.nextFloat());
      }
    }
    return temperature === 0 ? { kind: 'greedy', sequenceOf } : { kind: 'sample', sequenceOf, uniforms, temperature };
  }

  #note(
    nodes: readonly TokenNode[],
    answersAt: ReadonlyMap<TokenNode, readonly Answer[]>,
    { logits, drawn, known }: DecodeResult,
  ): void {
    const { vocabSize } = this.#model.config;
    let next = 0;
    for (const [i, node] of nodes.entries()) {
      node.known = known[i]!;
      this.#holding.push(node);
      if (this.#drawnOnDevice) {
        for (const answer of answersAt.get(node)!) answer.drawn = checked(drawn[next++]!);
      } else {
        node.distribution = distributionOf(logits.subarray(i * vocabSize, (i + 1) * vocabSize), this.#settings);
        this.#spelled.push(node);
        this.#remembered += vocabSize;
      }
    }
  }

  /** The longest beginning that all prompts so far have in common, kept as keys and values. */
  async #prefixOf(sequences: readonly Int32Array[]): Promise<Prefix | undefined> {
    if (sequences.length === 0) return undefined;
    const shortest = sequences.reduce((least, sequence) => Math.min(least, sequence.length), Number.POSITIVE_INFINITY);
    const common = (all: readonly Int32Array[]) => all[0]!.slice(0, sharedPrefixLength(all, shortest - 1));
    let tokens = common(this.#prefixTokens ? [this.#prefixTokens, ...sequences] : sequences);
    if (tokens.length < SHORTEST_PREFIX) tokens = common(sequences);
    if (tokens.length < SHORTEST_PREFIX) return undefined;
    if (!this.#prefix || this.#prefix.tokens.length !== tokens.length || this.#prefixTokens?.length !== tokens.length) {
      this.#prefix = await this.#decoder.prefix(tokens);
    }
    this.#prefixTokens = tokens;
    return this.#prefix;
  }

  /** Keys and values outlive the call only where a conversation may go on from them. */
  async #keepConversations(answers: readonly Answer[]): Promise<void> {
    const kept = new Set<TokenNode>();
    for (const { prompt, node } of answers) {
      if (node.known && prompt.messages.some((message) => message.role === 'assistant')) kept.add(node);
    }
    for (const node of this.#holding) if (!kept.has(node)) node.known = undefined;
    this.#holding = [...kept];
    await this.#decoder.release(new Set(this.#holding.map((node) => node.known!.decoded)), this.#prefix);
  }
}

function drawFrom(distribution: Distribution, { random }: Prompt): DrawnToken {
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
