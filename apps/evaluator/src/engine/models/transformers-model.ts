// A model that transformers.js runs. The library comes with the first, as a part of the page that is loaded then.

import type { SamplingParams } from '@ludic/inference';
import type { ModelFiles } from '@ludic/models';
import type { TransformersDtype } from '@ludic/policies/transformers';
import type { SharedBuild } from '@ludic/runtime/internal';
import { yieldToEventLoop } from '../yield-to-event-loop.ts';

/** A model with its tokenizer in transformers.js, as policies and scorers of the page. */
export type TransformersModel = Awaited<ReturnType<typeof openTransformersModel>>;

/** @param build of the device @throws PolicyError `bad_model`, RuntimeError `device_lost` */
export async function openTransformersModel(
  name: string,
  files: ModelFiles,
  dtype: TransformersDtype,
  device: 'cpu' | 'webgpu',
  build: SharedBuild,
) {
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
  return {
    device,
    scorer: new library.TransformersScorer(name, loaded),
    /** A way to play it. The model stays for the next. */
    policy(settings: SamplingParams) {
      const policy = new library.TransformersPolicy(name, loaded, settings);
      const act: typeof policy.act = (prompts, options) => policy.act(prompts, options);
      return { name: policy.name, act, dispose() {} };
    },
    /** The text of a reply's tokens, as replies have it. */
    text: (completion: Int32Array): string => library.replyTextOf(loaded, Array.from(completion)),
    dispose: () => void model.dispose(),
  };
}
