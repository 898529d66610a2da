// A reply's tokens to what it says and the tools that it calls. Where the marks of calls are special tokens, they are kept,
// as a reply's text leaves special tokens out.

import { parseToolReply, type ToolReply, toolMarks } from '@ludic/models';
import type { SampledTokens } from './contract.ts';
import type { LanguageModel } from './language-model.ts';

/** Reads replies of one model. */
export class ToolReplyReader {
  readonly #model: Pick<LanguageModel, 'tokenizer' | 'template'>;
  readonly #marks: ReadonlySet<number>;
  readonly #isShown = new Map<number, boolean>();

  constructor(model: Pick<LanguageModel, 'tokenizer' | 'template'>) {
    this.#model = model;
    const marks = toolMarks(this.format).map((mark) => model.tokenizer.tokenId(mark));
    this.#marks = new Set(marks.filter((id) => id !== undefined));
  }

  get format() {
    return this.#model.template.toolFormat ?? 'hermes';
  }

  /** The text of a reply, with the special tokens that belong to calls and no others. */
  readonly text = (completion: ArrayLike<number>): string =>
    this.#model.tokenizer.decode(Array.from(completion).filter((id) => this.#shown(id)));

  /** Never throws: what is not understood is text. */
  read({ completion }: Pick<SampledTokens, 'completion'>): ToolReply {
    return parseToolReply(this.format, this.text(completion));
  }

  #shown(id: number): boolean {
    let isShown = this.#isShown.get(id);
    if (isShown === undefined) {
      const { decode } = this.#model.tokenizer;
      isShown = this.#marks.has(id) || decode([id]) === '' || decode([id], { skipSpecialTokens: true }) !== '';
      this.#isShown.set(id, isShown);
    }
    return isShown;
  }
}
