// The embedded model plays in a web page: no server computes anything. Run: npx vite examples/08-browser

import { findEnvironment, resolveConfig } from '@ludic/environments';
import { openLanguageModel } from '@ludic/inference';
import { fetchModelFiles } from '@ludic/models/web';
import config from '@ludic/nano/model/config.json?url';
import generationConfig from '@ludic/nano/model/generation_config.json?url';
import weights from '@ludic/nano/model/model.safetensors?url';
import tokenizer from '@ludic/nano/model/tokenizer.json?url';
import tokenizerConfig from '@ludic/nano/model/tokenizer_config.json?url';
import { LanguageModelPolicy } from '@ludic/policies';
import { groupStarts, playEpisodes, transcript } from '@ludic/rollouts';
import { createRuntime } from '@ludic/runtime/web';
import gpuGlue from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import gpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import cpuGlue from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import cpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';

const whole = (path: string) => new URL(path, location.href).href;

// The bundler says where it has put the files of the model and of ONNX Runtime.
const files = fetchModelFiles({
  'config.json': whole(config),
  'generation_config.json': whole(generationConfig),
  'model.safetensors': whole(weights),
  'tokenizer.json': whole(tokenizer),
  'tokenizer_config.json': whole(tokenizerConfig),
});
const runtime = await createRuntime({
  device: 'auto',
  wasmPaths: {
    cpu: { mjs: whole(cpuGlue), wasm: whole(cpuWasm) },
    webgpu: { mjs: whole(gpuGlue), wasm: whole(gpuWasm) },
  },
});

const definition = findEnvironment('tic_tac_toe');
const model = await openLanguageModel(files, runtime);
const policy = new LanguageModelPolicy(model, { temperature: 1, maxCompletionLength: 16, game: definition });
const [episode] = await playEpisodes({
  environment: definition,
  config: resolveConfig(definition, { opponent: 'random' }),
  history: 'NO_HISTORY',
  policy,
  starts: groupStarts({ seed: 7, step: 1, groups: 1, groupSize: 1 }),
});
document.querySelector('#game')!.textContent = transcript(episode!);
