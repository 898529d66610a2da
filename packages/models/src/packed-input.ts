// The inputs that every graph of a model shares: parameters, packed tokens, rotary tables, and where tokens sit in rows.

import type { Graph, RowLayout, Value } from '@ludic/graph';
import { expectedTensors } from './checkpoint.ts';
import type { ModelConfig } from './config.ts';
import type { PackedTokens, Parameters } from './llama.ts';

/** Declares one input per parameter, under its name in the checkpoint. */
export function parameterInputs(
  graph: Graph,
  config: ModelConfig,
): { parameters: Parameters; all: ReadonlyMap<string, Value> } {
  const all = new Map<string, Value>();
  for (const [name, shape] of expectedTensors(config)) all.set(name, graph.input(name, 'float32', shape));
  const parameters: Parameters = (name) => {
    const value = all.get(name);
    if (!value) throw new Error(`the model has no parameter ${name}`);
    return value;
  };
  return { parameters, all };
}

/** Declares `ids`, `positions`, `cos` and `sin`. */
export function tokenInputs(graph: Graph, config: ModelConfig, tokens: string): PackedTokens {
  const table = ['positions', config.headDim / 2];
  return {
    ids: graph.input('ids', 'int64', [tokens]),
    positions: graph.input('positions', 'int64', [tokens]),
    rotary: { cos: graph.input('cos', 'float32', table), sin: graph.input('sin', 'float32', table) },
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
