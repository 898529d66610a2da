// Rotary positions and kinds of layers as config.json says them: rope_theta and rope_scaling, or rope_parameters, as
// transformers 5 writes them, for all layers or by their kind.

import { isObject } from '@ludic/io';
import { shown, sortFields } from './known-fields.ts';
import {
  bad,
  count,
  type Json,
  type ModelConfig,
  positive,
  type RotaryConfig,
  type SlidingWindow,
} from './model-config.ts';
import { ROPE_FIELDS } from './model-fields.ts';

type Scaling = RotaryConfig['scaling'];

/** One way to turn for all layers. */
export function readRotary(json: Json): RotaryConfig {
  const scaling = object(json, 'rope_scaling');
  // As transformers: what rope_scaling says goes before rope_parameters, and both before the plain rope_theta.
  const parameters = saysSomething(scaling) ? scaling : (object(json, 'rope_parameters') ?? {});
  return { theta: thetaOf(parameters, json, 'rope_theta', 10_000), ...readScaling(parameters) };
}

/** Gemma 3's two ways: of layers that see everything, which may be stretched, and of those with a sliding window. */
export function readRotaries(json: Json): Required<Pick<ModelConfig, 'rotary' | 'localRotary'>> {
  const parameters = object(json, 'rope_parameters') ?? {};
  const flat = Object.keys(parameters).find((name) => !LAYER_TYPES.includes(name));
  if (flat !== undefined) throw bad(`rope_parameters says ${shown(flat)}; known: ${LAYER_TYPES.join(', ')}`);
  const full = { ...object(parameters, 'full_attention'), ...object(json, 'rope_scaling') };
  const sliding = object(parameters, 'sliding_attention') ?? {};
  return {
    rotary: { theta: thetaOf(full, json, 'rope_theta', 1_000_000), ...readScaling(full) },
    localRotary: { theta: thetaOf(sliding, json, 'rope_local_base_freq', 10_000), ...readScaling(sliding) },
  };
}

const thetaOf = (parameters: Json, json: Json, name: string, fallback: number): number =>
  parameters.rope_theta == null ? positive(json, name, fallback) : positive(parameters, 'rope_theta');

function readScaling(parameters: Json): { readonly scaling?: NonNullable<Scaling> } {
  const { unknown, refused } = sortFields(parameters, ROPE_FIELDS);
  const problem = refused[0] ?? (unknown[0] && `${unknown[0]} of its rotary positions is not known`);
  if (problem) throw bad(problem);
  const type = parameters.rope_type ?? parameters.type ?? 'default';
  switch (type) {
    case 'default':
      return {};
    case 'linear':
      return { scaling: { factor: positive(parameters, 'factor') } };
    case 'llama3':
      return {
        scaling: {
          factor: positive(parameters, 'factor'),
          lowFreqFactor: positive(parameters, 'low_freq_factor'),
          highFreqFactor: positive(parameters, 'high_freq_factor'),
          originalMaxPositions: count(parameters, 'original_max_position_embeddings'),
        },
      };
    default:
      throw bad(`rope scaling of type ${shown(type)} is not known. Known: default, linear, llama3`);
  }
}

/** As rope_scaling, which all versions of transformers read. */
export function writeRopeScaling(scaling: Scaling): Json | null {
  if (!scaling) return null;
  if (!('lowFreqFactor' in scaling)) return { rope_type: 'linear', factor: scaling.factor };
  return {
    rope_type: 'llama3',
    factor: scaling.factor,
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    original_max_position_embeddings: scaling.originalMaxPositions,
  };
}

/** As rope_parameters by kinds of layers, which transformers 5 reads. */
export const writeRotaries = ({ rotary, localRotary }: ModelConfig): Json => ({
  full_attention: writeParameters(rotary!),
  sliding_attention: writeParameters(localRotary!),
});

const writeParameters = ({ theta, scaling }: RotaryConfig): Json => ({
  rope_type: 'default',
  ...writeRopeScaling(scaling),
  rope_theta: theta,
});

const LAYER_TYPES: readonly string[] = ['sliding_attention', 'full_attention'];

/** Which layers see a sliding window, as layer_types says; undefined where it says nothing. */
export function readLayerTypes(json: Json, layers: number): boolean[] | undefined {
  const types = json.layer_types;
  if (types == null) return undefined;
  if (!Array.isArray(types) || types.length !== layers || !types.every((type) => LAYER_TYPES.includes(type)))
    throw bad(`layer_types is no list of ${layers} times ${LAYER_TYPES.join(' or ')}`);
  return types.map((type) => type === 'sliding_attention');
}

export const writeLayerTypes = ({ layers }: SlidingWindow): string[] =>
  layers.map((local) => (local ? 'sliding_attention' : 'full_attention'));

const saysSomething = (value: Json | undefined): value is Json => value !== undefined && Object.keys(value).length > 0;

function object(json: Json, name: string): Json | undefined {
  const value = json[name];
  if (value == null) return undefined;
  if (!isObject(value)) throw bad(`${name} is ${shown(value)}; an object is needed`);
  return value;
}
