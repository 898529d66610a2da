// The inputs that every graph of a model shares: parameters, packed tokens, rotary tables, and where tokens sit in rows.

import type { Graph, RowLayout, Value } from '@ludic/graph';
import type { ModelConfig } from './config.ts';
import type { PackedTokens, Parameters } from './families/family.ts';
import { tensorsOf } from './families/registry.ts';

/** Declares one input per parameter, under its name in the checkpoint. */
export function parameterInputs(
  graph: Graph,
  config: ModelConfig,
): { parameters: Parameters; all: ReadonlyMap<string, Value> } {
  const all = new Map<string, Value>();
  for (const [name, { shape }] of tensorsOf(config)) all.set(name, graph.input(name, 'float32', shape));
  const parameters: Parameters = (name) => {
    const value = all.get(name);
    if (!value) throw new Error(`the model has no parameter ${name}`);
    return value;
  };
  return { parameters, all };
}

/** Declares `ids`, `positions` and the rotary tables: `cos` and `sin`, `local_cos` and `local_sin`. */
export function tokenInputs(graph: Graph, config: ModelConfig, tokens: string): PackedTokens {
  const table = (name: string) => graph.input(name, 'float32', ['positions', config.headDim / 2]);
  return {
    ids: graph.input('ids', 'int64', [tokens]),
    positions: graph.input('positions', 'int64', [tokens]),
    ...(config.rotary && { rotary: { cos: table('cos'), sin: table('sin') } }),
    ...(config.localRotary && { localRotary: { cos: table('local_cos'), sin: table('local_sin') } }),
  };
}

/** Names of a level of rows: its inputs begin with `prefix`, its dimensions are the others. */
export interface RowNames {
  readonly prefix: string;
  readonly tokens: string;
  readonly rows: string;
  readonly steps: string;
}

export const ROWS: RowNames = { prefix: '', tokens: 'rowTokens', rows: 'rows', steps: 'steps' };

/** Declares `slots`, `places` and `filled` for the tokens that are laid out as rows. */
export function rowInputs(graph: Graph, { prefix, tokens, rows, steps }: RowNames = ROWS): RowLayout {
  return {
    slots: graph.input(`${prefix}slots`, 'int64', [rows, steps]),
    places: graph.input(`${prefix}places`, 'int64', [tokens]),
    filled: graph.input(`${prefix}filled`, 'float32', [rows, steps, 1]),
  };
}
