// What a sampler remembers under the present weights: the tree of all that was said, what comes next where that is known,
// and the settings that were asked with. All of it is forgotten when it becomes too much.

import type { ModelConfig } from '@ludic/models';
import type { LanguageModelSettings, Mode } from './running-reply.ts';
import { type Distribution, distributionOf } from './sampling/distribution.ts';
import { checkSampling } from './sampling/settings.ts';
import { TokenNode } from './token-tree.ts';

/** Numbers kept in distributions before all are forgotten: about 200 MB. Twice as many are too many in any case. */
export const REMEMBERED = 2 ** 24;
/** What a node of the tree takes, in such numbers. */
const NUMBERS_PER_NODE = 24;
/** Settings remembered before the first are forgotten. */
const MODES = 64;

export class Remembered {
  readonly #vocabSize: number;
  /** The device draws, where it can. */
  readonly #drawing: boolean;
  readonly #specialStops: (stop: readonly string[]) => readonly string[];
  #root = new TokenNode();
  #prompts = new Map<Int32Array, TokenNode>();
  #modes = new Map<string, Mode>();
  /** Nodes that have logits. */
  #spelled: TokenNode[] = [];
  #numbers = 0;

  /** @param specialStops those of some stop texts that hold a special token */
  constructor(
    { vocabSize }: Pick<ModelConfig, 'vocabSize'>,
    drawing: boolean,
    specialStops: (stop: readonly string[]) => readonly string[],
  ) {
    this.#vocabSize = vocabSize;
    this.#drawing = drawing;
    this.#specialStops = specialStops;
  }

  /** Between two prompts. */
  get full(): boolean {
    return this.#numbers > REMEMBERED;
  }

  forget(): void {
    this.#root = new TokenNode();
    this.#prompts = new Map();
    this.#modes = new Map();
    this.#spelled = [];
    this.#numbers = 0;
  }

  /**
   * Forgets distributions in the middle of replies, if they are too many by far. All tokens must have been drawn: who comes
   * to the same node again has it computed again.
   */
  relieve(): void {
    if (this.#numbers <= 2 * REMEMBERED) return;
    for (const node of this.#spelled) {
      node.logits = undefined;
      node.distributions = undefined;
    }
    this.#spelled = [];
    this.#numbers = 0;
  }

  /** @throws PolicyError `bad_setting` */
  modeOf(settings: LanguageModelSettings): Mode {
    const { temperature, topK, topP, maxCompletionLength, stop } = settings;
    const sampling = `${temperature} ${topK} ${topP}`;
    const name = JSON.stringify([sampling, maxCompletionLength, stop]);
    const known = this.#modes.get(name);
    if (known) return known;
    checkSampling(settings);
    const mode: Mode = {
      settings,
      sampling,
      drawable: this.#drawing && topK === 0 && topP === 1,
      longestStop: stop.reduce((longest, text) => Math.max(longest, text.length), 0),
      specialStops: this.#specialStops(stop),
      short: new Map(),
    };
    if (this.#modes.size >= MODES) this.#modes.delete(this.#modes.keys().next().value!);
    this.#modes.set(name, mode);
    return mode;
  }

  /** Where a prompt ends in the tree. @param prompt the same array for the same tokens is found at once */
  endOf(prompt: Int32Array): TokenNode {
    let end = this.#prompts.get(prompt);
    if (!end) {
      end = this.#root.follow(prompt, () => {
        this.#numbers += NUMBERS_PER_NODE;
      });
      this.#prompts.set(prompt, end);
    }
    return end;
  }

  /** @param logits of the token after the node */
  spell(node: TokenNode, logits: Float32Array): void {
    node.logits = logits;
    this.#spelled.push(node);
  }

  /** What comes after a node that has logits. @throws PolicyError `not_finite` */
  distributionAt(node: TokenNode, { sampling, settings }: Mode): Distribution {
    let distribution = node.distributions?.get(sampling);
    if (!distribution) {
      distribution = distributionOf(node.logits!, settings);
      node.distributions ??= new Map();
      node.distributions.set(sampling, distribution);
      this.#numbers += this.#vocabSize;
    }
    return distribution;
  }
}
