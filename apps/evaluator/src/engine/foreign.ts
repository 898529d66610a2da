// A model that transformers.js runs. The library comes with the first, as a part of the page that is loaded then.

import type { ModelFiles } from '@ludic/models';
import type { LanguageModelSettings, Policy } from '@ludic/policies';
import type { LoadedModel, TransformersDtype, TransformersPolicy } from '@ludic/policies/transformers';
import { WASM_PATHS } from './assets.ts';
import { breathe } from './breathing.ts';

/** Threads that help at the sizes that a page runs. */
const MOST_THREADS = 8;

export class Foreign {
  readonly device: 'cpu' | 'webgpu';
  readonly #name: string;
  readonly #loaded: LoadedModel;
  readonly #Policy: typeof TransformersPolicy;

  private constructor(name: string, device: 'cpu' | 'webgpu', loaded: LoadedModel, policy: typeof TransformersPolicy) {
    this.device = device;
    this.#name = name;
    this.#loaded = loaded;
    this.#Policy = policy;
  }

  /** @throws PolicyError `bad_model` */
  static async open(
    name: string,
    files: ModelFiles,
    dtype: TransformersDtype,
    device: 'cpu' | 'webgpu',
  ): Promise<Foreign> {
    const { loadTransformers, TransformersPolicy: Policy } = await import('@ludic/policies/transformers');
    const loaded = await loadTransformers({
      model: name,
      files,
      dtype,
      device: device === 'cpu' ? 'wasm' : device,
      wasm: {
        ...WASM_PATHS.webgpu,
        threads: device === 'cpu' && crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1,
      },
    });
    // Messages are let in between tokens, not only between turns.
    const { model } = loaded;
    const forward = model.forward.bind(model);
    model.forward = async (inputs) => {
      await breathe();
      return forward(inputs);
    };
    return new Foreign(name, device, loaded, Policy);
  }

  /** A way to play it. The model stays for the next. */
  policy(settings: LanguageModelSettings): Policy {
    const policy = new this.#Policy(this.#name, this.#loaded, settings);
    return { name: policy.name, act: (prompts, options) => policy.act(prompts, options), dispose() {} };
  }

  dispose(): void {
    void this.#loaded.model.dispose();
  }
}
