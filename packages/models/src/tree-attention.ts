// Attention over a tree of tokens: a prefix that all rows share, trunks that several rows share (a prompt with many
// replies), and the rows' own tokens. What is shared is computed once, forward and backward.

import {
  add,
  addDimensions,
  type Cut,
  cutAt,
  type Dimension,
  type Graph,
  joinAt,
  multiplyDimensions,
  packRows,
  repeatRows,
  reshape,
  spreadRows,
  unpackRows,
  type Value,
} from '@ludic/graph';
import { attend, type Heads, splitKeyHeads } from './attention.ts';
import type { Attention } from './llama.ts';
import { ROWS, type RowNames, rowInputs } from './packed-input.ts';

/** Which levels the tokens of a run have beside the rows themselves. */
export interface TreeLevels {
  readonly prefix: boolean;
  readonly trunks: boolean;
}

const TRUNKS: RowNames = { prefix: 'trunk_', tokens: 'trunkTokens', rows: 'trunks', steps: 'trunkSteps' };

/** Packed tokens of all levels together. */
export function treeTokens({ prefix, trunks }: TreeLevels): Dimension {
  const levels = [...(prefix ? ['prefix'] : []), ...(trunks ? [TRUNKS.tokens] : []), ROWS.tokens];
  return levels.reduce<Dimension>(addDimensions, 0);
}

/** Declares what `packTree` gives beside ids and positions. */
export function treeAttention(graph: Graph, heads: Heads, { prefix, trunks }: TreeLevels): Attention {
  const rows = rowLevel(graph, heads, ROWS, { prefix, trunks });
  const trunk = trunks ? rowLevel(graph, heads, TRUNKS, { prefix, trunks: false }) : undefined;
  const rest = trunk ? addDimensions(TRUNKS.tokens, ROWS.tokens) : ROWS.tokens;
  const prefixCut: Cut | undefined = prefix
    ? { sizes: ['prefix', rest], at: graph.input('prefix_cut', 'int64', [2]) }
    : undefined;
  const trunkCut: Cut | undefined = trunk
    ? { sizes: [TRUNKS.tokens, ROWS.tokens], at: graph.input('trunk_cut', 'int64', [2]) }
    : undefined;
  const prefixBias = prefix
    ? graph.input('prefix_bias', 'float32', [1, 1, queriesPerKeyHead('prefix', heads), 'prefix'])
    : undefined;

  return (_, queries, keys, values) => {
    const parts = (x: Value) => {
      const [first, others] = prefixCut ? cutAt(x, 0, prefixCut) : [undefined, x];
      const [middle, own] = trunkCut ? cutAt(others, 0, trunkCut) : [undefined, others];
      return { first, middle, own };
    };
    const q = parts(queries);
    const k = parts(keys);
    const v = parts(values);
    const firstKeys = k.first && splitKeyHeads(oneRow(k.first), heads);
    const firstValues = v.first && splitKeyHeads(oneRow(v.first), heads);
    const trunkKeys = k.middle && splitKeyHeads(unpackRows(k.middle, trunk!.layout), heads);
    const trunkValues = v.middle && splitKeyHeads(unpackRows(v.middle, trunk!.layout), heads);

    let mixed = rows.attend(
      q.own,
      { own: k.own, trunk: trunkKeys, prefix: firstKeys },
      {
        own: v.own,
        trunk: trunkValues,
        prefix: firstValues,
      },
    );
    if (trunk) {
      const mixedTrunks = trunk.attend(
        q.middle!,
        { own: k.middle!, prefix: firstKeys },
        {
          own: v.middle!,
          prefix: firstValues,
        },
      );
      mixed = joinAt(mixedTrunks, mixed, 0, trunkCut!);
    }
    if (!prefixCut) return mixed;
    const mixedPrefix = attend(oneRow(q.first!), firstKeys!, firstValues!, prefixBias!, heads);
    return joinAt(reshape(mixedPrefix, q.first!.shape), mixed, 0, prefixCut);
  };
}

/** Keys, or values, that a level of rows may look at: packed own ones, and those of the levels above as heads. */
interface Seen {
  readonly own: Value;
  readonly trunk?: Value | undefined;
  readonly prefix?: Value | undefined;
}

/** The inputs of a level of rows, and its attention: each row looks at its own past and at what it shares. */
function rowLevel(graph: Graph, heads: Heads, names: RowNames, { prefix, trunks }: TreeLevels) {
  const input = (name: string) => `${names.prefix}${name}`;
  const layout = rowInputs(graph, names);
  const prefixRow = prefix ? graph.input(input('prefix_row'), 'int64', [names.rows]) : undefined;
  const spread = trunks
    ? {
        index: graph.input('trunk_of', 'int64', [names.rows]),
        membership: graph.input('trunk_membership', 'float32', [TRUNKS.rows, names.rows]),
      }
    : undefined;
  const shared = [...(prefix ? ['prefix'] : []), ...(trunks ? [TRUNKS.steps] : [])];
  const keyCount = [...shared, names.steps].reduce<Dimension>(addDimensions, 0);
  const causal = graph.input(input('bias'), 'float32', [1, 1, queriesPerKeyHead(names.steps, heads), keyCount]);
  // Trunks have different lengths: each row is told which keys of its trunk are padding.
  const bias = trunks ? add(causal, graph.input('trunk_mask', 'float32', [names.rows, 1, 1, keyCount])) : causal;
  const trunkKeyCut: Cut | undefined = trunks
    ? { sizes: [TRUNKS.steps, names.steps], at: graph.input('trunk_key_cut', 'int64', [2]) }
    : undefined;
  const prefixKeyCut: Cut | undefined = prefix
    ? {
        sizes: ['prefix', trunks ? addDimensions(TRUNKS.steps, names.steps) : names.steps],
        at: graph.input(input('prefix_key_cut'), 'int64', [2]),
      }
    : undefined;
  const all = ({ own, trunk, prefix: first }: Seen): Value => {
    let whole = splitKeyHeads(unpackRows(own, layout), heads);
    if (trunk) whole = joinAt(spreadRows(trunk, spread!), whole, 2, trunkKeyCut!);
    if (first) whole = joinAt(repeatRows(first, prefixRow!), whole, 2, prefixKeyCut!);
    return whole;
  };
  return {
    layout,
    attend: (queries: Value, keys: Seen, values: Seen): Value =>
      packRows(attend(unpackRows(queries, layout), all(keys), all(values), bias, heads), layout),
  };
}

const oneRow = (x: Value): Value => reshape(x, [1, ...x.shape]);

/** Queries of `steps` tokens that look at one key head. */
export const queriesPerKeyHead = (steps: string, { heads, kvHeads }: Heads) =>
  multiplyDimensions(steps, heads / kvHeads);
