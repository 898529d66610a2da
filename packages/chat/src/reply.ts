// One reply on its way to a client: its text piece by piece, then its calls.

import type { Generation, RatedToken } from '@ludic/inference';
import { parseToolReply, settledContent, type ToolCall, type ToolFormat } from '@ludic/models';
import { type VisiblePiece, VisibleText } from './visible-text.ts';

/** A reply as an answer holds it. */
export interface ChatChoice {
  /** Without its calls. */
  readonly text: string;
  readonly toolCalls?: readonly ToolCall[];
  readonly finish: Generation['finish'];
  /** Its tokens, where they were wanted, those of calls included. */
  readonly tokens: readonly RatedToken[];
  /** Ids of all its tokens, what ended it included, where they were wanted. */
  readonly tokenIds?: readonly number[];
}

/** What of a reply is shown as its text. */
export interface ReplyOptions {
  /** Texts that end a reply and are not part of it; none of them empty. */
  readonly stop: readonly string[];
  /** How calls are written; absent where there are no tools. */
  readonly toolFormat?: ToolFormat | undefined;
  readonly oneCall?: boolean | undefined;
}

/** A reply that is being written. What `grow` shows is never taken back. */
export class ChatReply {
  readonly #options: ReplyOptions;
  readonly #visible: VisibleText;
  /** Characters of the content that are shown. */
  #shown = 0;
  #content = '';
  #toolCalls: readonly ToolCall[] = [];

  constructor(options: ReplyOptions) {
    this.#options = options;
    this.#visible = new VisibleText(options.stop);
  }

  /**
   * @param text the whole reply so far, with the special tokens that belong to calls where there are tools
   * @param token the newest, where tokens are wanted
   */
  grow(text: string, token?: RatedToken): VisiblePiece {
    const piece = this.#visible.grow(text, token);
    const { toolFormat } = this.#options;
    if (toolFormat === undefined) return piece;
    const { shown } = this.#visible;
    return { text: this.#upTo(shown, settledContent(toolFormat, shown)), tokens: piece.tokens };
  }

  /** @param text the whole reply */
  finish(text: string): VisiblePiece {
    const piece = this.#visible.finish(text);
    const { toolFormat, oneCall } = this.#options;
    this.#content = this.#visible.shown;
    if (toolFormat === undefined) return piece;
    const { content, toolCalls } = parseToolReply(toolFormat, this.#visible.shown);
    this.#content = content;
    this.#toolCalls = oneCall ? toolCalls.slice(0, 1) : toolCalls;
    return { text: this.#upTo(content, content.length), tokens: piece.tokens };
  }

  /** All that is shown of it, once it is finished. */
  get content(): string {
    return this.#content;
  }

  /** Once it is finished. */
  get toolCalls(): readonly ToolCall[] {
    return this.#toolCalls;
  }

  /** What of the first `end` characters has not been shown. */
  #upTo(content: string, end: number): string {
    const text = content.slice(this.#shown, end);
    this.#shown = Math.max(this.#shown, end);
    return text;
  }
}
