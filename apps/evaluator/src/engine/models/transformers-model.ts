// A model that transformers.js runs. The library comes with the first, as a part of the page that is loaded then.

import type { SamplingParams, TokenScorer } from '@ludic/inference';
import type { ModelFiles } from '@ludic/models';
import type { Policy } from '@ludic/policies';
import type { LibraryModel, TransformersDtype, TransformersPolicy } from '@ludic/policies/transformers';
import type { SharedBuild } from '@ludic/runtime/internal';
import { yieldToEventLoop } from '../yield-to-event-loop.ts';

type Library = typeof import('@ludic/policies/transformers');

/** A model with its tokenizer in transformers.js, as policies and scorers of the page. */
export class TransformersModel {
  readonly device: 'cpu' | 'webgpu';
  readonly scorer: TokenScorer;
  readonly #name: string;
  readonly #loaded: LibraryModel;
  readonly #library: Library;

  private constructor(name: string, device: 'cpu' | 'webgpu', loaded: LibraryModel, library: Library) {
    this.device = device;
    this.scorer = new library.TransformersScorer(name, loaded);
    this.#name = name;
    this.#loaded = loaded;
    this.#library = library;
  }

  /** @param build of the device @throws PolicyError `bad_model`, RuntimeError `device_lost` */
  static async open(
    name: string,
    files: ModelFiles,
    dtype: TransformersDtype,
    device: 'cpu' | 'webgpu',
    build: SharedBuild,
  ): Promise<TransformersModel> {
    const library = await import('@ludic/policies/transformers');
    const loaded = await library.loadTransformers({
      model: name,
      files,
      dtype,
      device: device === 'cpu' ? 'wasm' : device,
      build,
    });
    // Messages are let in between tokens, not only between turns.
    const { model } = loaded;
    const forward = model.forward.bind(model);
    model.forward = async (inputs) => {
      await yieldToEventLoop();
      return forward(inputs);
    };
    return new TransformersModel(name, device, loaded, library);
  }

  /** A way to play it. The model stays for the next. */
  policy(settings: SamplingParams): Policy & Pick<TransformersPolicy, 'act'> {
    const policy = new this.#library.TransformersPolicy(this.#name, this.#loaded, settings);
    return { name: policy.name, act: (prompts, options) => policy.act(prompts, options), dispose() {} };
  }

  /** The text of a reply's tokens, as replies have it. */
  text(completion: Int32Array): string {
    return this.#library.replyTextOf(this.#loaded, Array.from(completion));
  }

  dispose(): void {
    void this.#loaded.model.dispose();
  }
}
