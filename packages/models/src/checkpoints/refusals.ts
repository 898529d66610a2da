// Folders that are no model as it can be read here, each with a sentence that says what it is and what to do.

import { namesShown, shown } from '../config/known-fields.ts';
import type { Json } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { ggufNames } from '../gguf/file-names.ts';

/** @param names the files of the folder, as far as they are known */
export function lacksConfig(
  model: string,
  names: Iterable<string>,
  needed = 'config.json',
  kind = 'model',
): ModelError {
  const all = [...names];
  const other = kind === 'model' ? (all.includes('adapter_config.json') ? ADAPTER : ggufAdvice(all)) : undefined;
  return new ModelError('not_a_model', `${model} is no ${kind} folder: ${other ?? `it has no ${needed}.`}`);
}

const ADAPTER =
  'it holds an adapter alone. Give its base model (base_model_name_or_path in its adapter_config.json) as the model, and ' +
  'this folder as the adapter.';

/** @param wanted files that would hold weights */
export function lacksWeights(model: string, names: Iterable<string>, wanted: readonly string[]): ModelError {
  const all = [...names];
  const shard = all.find((name) => /^(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)$/.test(name));
  const stem = shard?.replace(/-\d+-of-\d+/, '');
  const foreign = all.filter((name) => /\.(h5|msgpack|onnx|pth|pt|npz|ckpt\.index)$|^consolidated\./.test(name));
  const why = shard
    ? `its weights lie in several files, but ${stem}.index.json, which says what is where, is missing. Fetch that file too.`
    : (ggufAdvice(all) ??
      (all.includes('adapter_model.safetensors')
        ? ADAPTER
        : foreign.length > 0
          ? `its weights are in another format (${namesShown(foreign)}). Save it from transformers with save_pretrained.`
          : `it has no weights, which would be in one of ${wanted.join(', ')}.`));
  return new ModelError('not_a_model', `${model} is no model that can be read: ${why}`);
}

function ggufAdvice(names: readonly string[]): string | undefined {
  const gguf = ggufNames(names);
  return gguf.length > 0
    ? `its weights are in GGUF alone (${namesShown(gguf)}). Give one of these files as the model, by its own path.`
    : undefined;
}

/** How a config.json says that the weights are quantized, undefined where it does not. */
export function quantizationOf(json: Json): string | undefined {
  const found = [json.quantization_config, json.compression_config, json.quantization].find(
    (value): value is Json => typeof value === 'object' && value !== null && Object.keys(value).length > 0,
  );
  if (!found) return undefined;
  const method =
    found.quant_method ??
    (json.quantization === found ? 'MLX' : found.load_in_4bit || found.load_in_8bit ? 'bitsandbytes' : undefined);
  const name = typeof method === 'string' ? (METHODS[method.toLowerCase()] ?? shown(method)) : 'in an unknown way';
  const bits = found.bits ?? found.w_bit ?? (found.load_in_4bit ? 4 : found.load_in_8bit ? 8 : undefined);
  return typeof bits === 'number' ? `${name}, ${bits} bits` : name;
}

const METHODS: Readonly<Record<string, string>> = {
  gptq: 'GPTQ',
  awq: 'AWQ',
  bitsandbytes: 'bitsandbytes',
  fp8: 'FP8',
  fbgemm_fp8: 'FP8',
  mlx: 'MLX',
  'compressed-tensors': 'compressed-tensors',
};

/** Tensors that stand beside or in place of a quantized weight. */
export const isQuantizedName = (name: string): boolean =>
  /\.(qweight|qzeros|scales|biases|g_idx|SCB|weight_format|weight_scale(_inv)?|input_scale|weight\.(absmax|quant_map|nested_absmax|nested_quant_map|quant_state\..+))$/.test(
    name,
  );

const LFS = 'version https://git-lfs';
/** Git LFS leaves a few lines of text in the place of a large file that it has not fetched. */
export const isLfsPointer = (bytes: Uint8Array): boolean =>
  new TextDecoder().decode(bytes.subarray(0, LFS.length)).startsWith(LFS.slice(0, Math.max(8, bytes.length)));

export const LFS_ADVICE = 'it is a Git LFS pointer, not the file itself. Fetch it with "git lfs pull"';
