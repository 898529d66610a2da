// One reply while it is sampled, and the settings that it shares with others.

import type { Generation, Question } from './contract.ts';
import type { DrawnToken } from './decoder.ts';
import { ReplyText } from './reply-text.ts';
import type { SamplingSettings } from './sampling/distribution.ts';
import type { TokenNode } from './token-tree.ts';

export interface LanguageModelSettings extends SamplingSettings {
  /** Most tokens of one reply. */
  readonly maxCompletionLength: number;
  /** Texts after which a reply ends, such as `</move>`. */
  readonly stop: readonly string[];
}

/** Settings that somebody asks with. */
export interface Mode {
  readonly settings: LanguageModelSettings;
  /** The same for all settings that give the same distributions. */
  readonly sampling: string;
  /** The device can draw for them: it does not know top-k and top-p. */
  readonly drawable: boolean;
  /** Characters of the longest stop text. */
  readonly longestStop: number;
  /** Stop texts that hold a special token. */
  readonly specialStops: readonly string[];
  /** Replies of one token, by the node they were drawn at: shared by all episodes that draw them. */
  readonly short: Map<TokenNode, Map<number, Generation>>;
}

export class RunningReply {
  readonly question: Question;
  readonly mode: Mode;
  readonly ids: Int32Array;
  /** The deepest node that was fed. */
  node: TokenNode;
  /** The next token, where the device has drawn it. */
  drawn: DrawnToken | undefined;
  reply: Generation | undefined;
  readonly tokens: number[] = [];
  readonly #logprobs: number[] = [];
  readonly #entropies: number[] = [];
  readonly #text: ReplyText;
  /** With its special tokens, where some stop text holds one. */
  readonly #wholeText: ReplyText | undefined;

  constructor(
    question: Question,
    mode: Mode,
    ids: Int32Array,
    start: TokenNode,
    decode: (tokens: readonly number[]) => string,
    decodeWhole: (tokens: readonly number[]) => string,
  ) {
    this.question = question;
    this.mode = mode;
    this.ids = ids;
    this.node = start;
    this.#text = new ReplyText(decode);
    this.#wholeText = mode.specialStops.length > 0 ? new ReplyText(decodeWhole) : undefined;
  }

  /** Whole characters so far. */
  get text(): string {
    return this.#text.text;
  }

  /** True when a stop text has been written. */
  push({ token, logprob, entropy }: DrawnToken): boolean {
    this.tokens.push(token);
    this.#logprobs.push(logprob);
    this.#entropies.push(entropy);
    const { settings, specialStops } = this.mode;
    const stopped = this.#grow(this.#text, token, settings.stop);
    return (this.#wholeText && this.#grow(this.#wholeText, token, specialStops)) || stopped;
  }

  #grow(text: ReplyText, token: number, stop: readonly string[]): boolean {
    const from = Math.max(0, text.text.length - this.mode.longestStop);
    text.push(token);
    return stop.some((one) => text.whole.includes(one, from));
  }

  /** @param text of all tokens */
  finish(finish: Generation['finish'], text: string): Generation {
    this.reply = {
      text,
      finish,
      tokens: {
        prompt: this.ids,
        completion: Int32Array.from(this.tokens),
        logprobs: Float32Array.from(this.#logprobs),
        entropies: Float32Array.from(this.#entropies),
      },
    };
    return this.reply;
  }
}
