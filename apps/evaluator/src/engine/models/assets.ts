// Where the files lie that the engine fetches: nano and ONNX Runtime, put beside the page when it is built.

import config from '@ludic/nano/model/config.json?url';
import generationConfig from '@ludic/nano/model/generation_config.json?url';
import weights from '@ludic/nano/model/model.safetensors?url';
import tokenizer from '@ludic/nano/model/tokenizer.json?url';
import tokenizerConfig from '@ludic/nano/model/tokenizer_config.json?url';
import gpuGlue from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import gpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import cpuGlue from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import cpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';

/** From what the build says to a whole URL: ONNX Runtime imports its files from another folder. */
const whole = (path: string) => new URL(path, import.meta.url).href;

/** By file. */
export const NANO_URLS: Readonly<Record<string, string>> = {
  'config.json': whole(config),
  'generation_config.json': whole(generationConfig),
  'model.safetensors': whole(weights),
  'tokenizer.json': whole(tokenizer),
  'tokenizer_config.json': whole(tokenizerConfig),
};

/** ONNX Runtime's files, by device. WebGPU needs the build with asyncify. */
export const WASM_PATHS = {
  cpu: { mjs: whole(cpuGlue), wasm: whole(cpuWasm) },
  webgpu: { mjs: whole(gpuGlue), wasm: whole(gpuWasm) },
};
