// Low-rank adapters (LoRA) in PEFT's layout: a frozen model and, beside some of its linear layers, a detour through a few
// dimensions. Source: Hu et al., "LoRA" (2021); names and files as PEFT writes them.

import { isObject } from '@ludic/io';
import { stream } from '@ludic/random';
import { float32, floats, type HostTensor } from '@ludic/runtime';
import { sidesOf } from '../architectures/family.ts';
import { familyOf, tensorsOf } from '../architectures/registry.ts';
import { type ModelFiles, readJson } from '../checkpoints/model-files.ts';
import { readSafetensors, toFloat32, writeSafetensors } from '../checkpoints/safetensors.ts';
import { namesShown, problemsShown, shown, sortFields } from '../config/known-fields.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { ModelError } from '../errors.ts';
import { ADAPTER_FIELDS, PLAIN_STARTS } from './adapter-fields.ts';

/** The shape of a low-rank adapter: adapter_config.json under our own names. */
export interface LoraConfig {
  readonly rank: number;
  readonly alpha: number;
  /** Ends of the names of the layers that are adapted, such as `q_proj` or `attn.c_proj`. */
  readonly targets: readonly string[];
  /** Scale by alpha / √rank instead of alpha / rank. */
  readonly rankStabilized: boolean;
}

/** A low-rank adapter (LoRA): what is added to some linear layers of a frozen model, W + scale · B·A. */
export interface Adapter {
  readonly config: LoraConfig;
  /** `NAME.lora_A.weight` [rank, in] and `NAME.lora_B.weight` [out, rank], for each adapted layer NAME. */
  readonly parameters: Readonly<Record<string, HostTensor>>;
}

/** What the detour's result is multiplied by. */
export const loraScale = ({ rank, alpha, rankStabilized }: LoraConfig): number =>
  alpha / (rankStabilized ? Math.sqrt(rank) : rank);

/**
 * The layers of a model that an adapter adapts, in the order of the network.
 * @throws ModelError `bad_adapter` where a target is no linear layer of the model
 */
export function loraNames(config: ModelConfig, { targets }: LoraConfig): readonly string[] {
  const layers = [...tensorsOf(config)].flatMap(([name, { linear }]) =>
    linear ? [name.replace(/\.weight$/, '')] : [],
  );
  const hits = (target: string) => layers.filter((name) => name === target || name.endsWith(`.${target}`));
  const missing = targets.filter((target) => hits(target).length === 0);
  if (missing.length > 0) {
    const known = [...new Set(layers.map((name) => name.split('.').at(-1)!))].join(', ');
    throw new ModelError('bad_adapter', `The model has no layer ${namesShown(missing)} to adapt; it has ${known}.`);
  }
  const adapted = new Set(targets.flatMap(hits));
  return layers.filter((name) => adapted.has(name));
}

/** Targets that adapt every linear layer but the head. */
export function everyLinearLayer(config: ModelConfig): readonly string[] {
  const layers = [...tensorsOf(config)].flatMap(([name, { linear }]) => (linear ? [name.split('.').at(-2)!] : []));
  return [...new Set(layers)].filter((name) => name !== 'lm_head');
}

/** Names and shapes of an adapter's parameters. */
export function loraShapes(config: ModelConfig, adapter: LoraConfig): ReadonlyMap<string, readonly number[]> {
  const specs = tensorsOf(config);
  return new Map(
    loraNames(config, adapter).flatMap((name) => {
      const [to, from] = sidesOf(specs.get(`${name}.weight`)!);
      return [
        [`${name}.lora_A.weight`, [adapter.rank, from]],
        [`${name}.lora_B.weight`, [to, adapter.rank]],
      ] as const;
    }),
  );
}

/** A new adapter, which changes nothing yet: A is uniform with bound 1/√in (Kaiming, as PEFT begins it), B is zero. */
export function newAdapter(config: ModelConfig, adapter: LoraConfig, seed: number): Adapter {
  const parameters: Record<string, HostTensor> = {};
  for (const [name, shape] of loraShapes(config, adapter)) {
    const data = new Float32Array(shape[0]! * shape[1]!);
    if (name.endsWith('.lora_A.weight')) {
      const random = stream(seed, 'adapter', name);
      const bound = 1 / Math.sqrt(shape[1]!);
      for (let i = 0; i < data.length; i++) data[i] = bound * (2 * random.nextFloat() - 1);
    }
    parameters[name] = float32(data, shape);
  }
  return { config: adapter, parameters };
}

/** The model's parameters with the adapter worked in: W + scale · B·A. What is not adapted is shared, not copied. */
export function mergeAdapter(
  config: ModelConfig,
  parameters: Readonly<Record<string, HostTensor>>,
  adapter: Adapter,
): Record<string, HostTensor> {
  const specs = tensorsOf(config);
  const factor = loraScale(adapter.config);
  const { rank } = adapter.config;
  const merged: Record<string, HostTensor> = { ...parameters };
  for (const name of loraNames(config, adapter.config)) {
    const spec = specs.get(`${name}.weight`)!;
    const a = floats(adapter.parameters[`${name}.lora_A.weight`]!);
    const b = floats(adapter.parameters[`${name}.lora_B.weight`]!);
    const [to, from] = sidesOf(spec);
    const data = floats(parameters[`${name}.weight`]!).slice();
    for (let o = 0; o < to; o++) {
      for (let i = 0; i < from; i++) {
        let sum = 0;
        for (let r = 0; r < rank; r++) sum += b[o * rank + r]! * a[r * from + i]!;
        const at = spec.linear === 'in_out' ? i * to + o : o * from + i;
        data[at] = data[at]! + factor * sum;
      }
    }
    merged[`${name}.weight`] = float32(data, spec.shape);
  }
  return merged;
}

/** PEFT's names are those of transformers below `base_model.model`. */
const storedName = (config: ModelConfig, name: string) => `base_model.model.${familyOf(config).storedName(name)}`;

/** @throws ModelError `bad_adapter` where it is no LoRA adapter, or none for this model */
export async function readAdapter(files: ModelFiles, model: ModelConfig): Promise<Adapter> {
  const json = await readJson(files, 'adapter_config.json');
  const bytes = await files.read('adapter_model.safetensors');
  if (json === undefined || !bytes) {
    const lacking = json === undefined ? 'adapter_config.json' : 'adapter_model.safetensors';
    throw new ModelError('bad_adapter', `${files.name} is no adapter: it has no ${lacking}.`);
  }
  const config = readLoraConfig(json, files.name);
  const { tensors } = readSafetensors(bytes);
  const problems: string[] = [];
  const parameters: Record<string, HostTensor> = {};
  const wanted = new Map(
    [...loraShapes(model, config)].map(([name, shape]) => [storedName(model, name), { name, shape }]),
  );
  for (const [stored, { name, shape }] of wanted) {
    const tensor = tensors.get(stored);
    if (!tensor) problems.push(`${stored} is missing`);
    else if (tensor.shape.join() !== shape.join())
      problems.push(`${stored} is [${tensor.shape}] and should be [${shape}]`);
    else parameters[name] = float32(toFloat32(tensor), shape);
  }
  for (const stored of tensors.keys()) if (!wanted.has(stored)) problems.push(`${stored} does not belong there`);
  if (problems.length > 0)
    throw new ModelError(
      'bad_adapter',
      `The adapter ${files.name} does not fit the model: ${problemsShown(problems)}.`,
    );
  return { config, parameters };
}

/** No published adapter comes near. */
const MOST_RANK = 65_536;

function readLoraConfig(json: unknown, name: string): LoraConfig {
  const bad = (what: string) => new ModelError('bad_adapter', `adapter_config.json of ${name}: ${what}.`);
  if (!isObject(json)) throw bad('it holds no object');
  if (json.peft_type !== 'LORA') throw bad(`peft_type is ${shown(json.peft_type)}; known: "LORA"`);
  const { refused, unknown } = sortFields(json, ADAPTER_FIELDS);
  if (refused.length > 0) throw bad(refused[0]!);
  if (unknown.length > 0) throw bad(`${namesShown(unknown)} is not known, and may change what the adapter computes`);
  const start = json.init_lora_weights ?? true;
  if (!PLAIN_STARTS.includes(typeof start === 'string' ? start.toLowerCase() : start))
    throw bad(
      `init_lora_weights is ${shown(start)}: such a start changes the base model too, so the adapter does not fit the ` +
        'base as it is published. Convert it with PEFT: save_pretrained(…, path_initial_model_for_weight_conversion=…)',
    );
  const { r: rank, lora_alpha: alpha, target_modules: targets } = json;
  if (!Number.isSafeInteger(rank) || (rank as number) < 1 || (rank as number) > MOST_RANK)
    throw bad(`r is ${shown(rank)}`);
  if (typeof alpha !== 'number' || !(alpha > 0)) throw bad(`lora_alpha is ${shown(alpha)}`);
  if (!Array.isArray(targets) || targets.length === 0 || !targets.every((target) => typeof target === 'string')) {
    throw bad('target_modules is no list of names');
  }
  const rankStabilized = json.use_rslora ?? false;
  if (typeof rankStabilized !== 'boolean') throw bad(`use_rslora is ${shown(rankStabilized)}; true or false is needed`);
  return { rank: rank as number, alpha, targets, rankStabilized };
}

/** adapter_config.json and adapter_model.safetensors, as PEFT reads them. */
export function adapterFiles(
  model: ModelConfig,
  base: string,
  { config, parameters }: Adapter,
): Map<string, Uint8Array> {
  const specs = tensorsOf(model);
  const json = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: 0,
    use_rslora: config.rankStabilized,
    target_modules: config.targets,
    fan_in_fan_out: loraNames(model, config).some((name) => specs.get(`${name}.weight`)!.linear === 'in_out'),
    bias: 'none',
    inference_mode: true,
  };
  const tensors = [...loraShapes(model, config)].map(([name, shape]) => {
    const { buffer, byteOffset, byteLength } = floats(parameters[name]!);
    const data = new Uint8Array(buffer, byteOffset, byteLength);
    return { name: storedName(model, name), dtype: 'F32' as const, shape, data };
  });
  return new Map([
    ['adapter_config.json', new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`)],
    ['adapter_model.safetensors', writeSafetensors(tensors, { format: 'pt' })],
  ]);
}
