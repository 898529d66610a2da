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
  reshape,
  type Shape,
  spreadRows,
  unpackRows,
  type Value,
} from '@ludic/graph';
import { type Attending, attend, type Heads, type Stretch, splitKeyHeads } from '../architectures/attention.ts';
import type { Attention } from '../architectures/family.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { ROWS, type RowNames, rowInputs } from './packed-input.ts';

/** Which levels the tokens of a run have beside the rows themselves. */
export interface TreeLevels {
  readonly prefix: boolean;
  readonly trunks: boolean;
}

/** What attention must know of a model. */
export type AttendingModel = Attending & Pick<ModelConfig, 'slidingWindow'>;

const TRUNKS: RowNames = { prefix: 'trunk_', tokens: 'trunkTokens', rows: 'trunks', steps: 'trunkSteps' };

/** Packed tokens of all levels together. */
export function treeTokens({ prefix, trunks }: TreeLevels): Dimension {
  const levels = [...(prefix ? ['prefix'] : []), ...(trunks ? [TRUNKS.tokens] : []), ROWS.tokens];
  return levels.reduce<Dimension>(addDimensions, 0);
}

/** Declares what `packTree` gives beside ids and positions. */
export function treeAttention(graph: Graph, config: AttendingModel, { prefix, trunks }: TreeLevels): Attention {
  const heads: Attending = config;
  const isLocal = (layer: number) => config.slidingWindow?.layers[layer] === true;
  const rows = rowLevel(graph, config, ROWS, { prefix, trunks });
  const trunk = trunks ? rowLevel(graph, config, TRUNKS, { prefix, trunks: false }) : undefined;
  const rest = trunk ? addDimensions(TRUNKS.tokens, ROWS.tokens) : ROWS.tokens;
  const prefixCut: Cut | undefined = prefix
    ? { sizes: ['prefix', rest], at: graph.input('prefix_cut', 'int64', [2]) }
    : undefined;
  const trunkCut: Cut | undefined = trunk
    ? { sizes: [TRUNKS.tokens, ROWS.tokens], at: graph.input('trunk_cut', 'int64', [2]) }
    : undefined;
  const prefixShape = [1, 1, queriesPerKeyHead('prefix', heads), 'prefix'];
  const prefixBias = prefix ? biasInputs(graph, config, 'prefix_', prefixShape, 1) : undefined;

  return (layer, queries, keys, values) => {
    const parts = (x: Value) => {
      const [first, others] = prefixCut ? cutAt(x, 0, prefixCut) : [undefined, x];
      const [middle, own] = trunkCut ? cutAt(others!, 0, trunkCut) : [undefined, others!];
      return { first, middle, own: own! };
    };
    const q = parts(queries);
    const k = parts(keys);
    const v = parts(values);
    const above: { prefix?: Stretch; trunk?: Stretch } = {};
    if (k.first) {
      above.prefix = {
        keys: splitKeyHeads(oneRow(k.first), heads),
        values: splitKeyHeads(oneRow(v.first!), heads),
      };
    }
    if (trunk) above.trunk = trunk.stretch(k.middle!, v.middle!);

    let mixed = rows.attend(q.own, rows.stretch(k.own, v.own), above, isLocal(layer));
    if (trunk) mixed = joinAt([trunk.attend(q.middle!, above.trunk!, above, isLocal(layer)), mixed], 0, trunkCut!);
    if (!prefixCut) return mixed;
    const mixedPrefix = attend(oneRow(q.first!), [above.prefix!], prefixBias!(isLocal(layer)), heads);
    return joinAt([reshape(mixedPrefix, q.first!.shape), mixed], 0, prefixCut);
  };
}

/** The inputs of a level of rows, and its attention: each row looks at what it shares and at its own past. */
function rowLevel(graph: Graph, config: AttendingModel, names: RowNames, { prefix, trunks }: TreeLevels) {
  const heads: Attending = config;
  const layout = rowInputs(graph, names);
  const spread = trunks
    ? {
        index: graph.input('trunk_of', 'int32', [names.rows]),
        membership: graph.input('trunk_membership', 'float32', [TRUNKS.rows, names.rows]),
      }
    : undefined;
  const sizes: Dimension[] = [...(prefix ? ['prefix'] : []), ...(trunks ? [TRUNKS.steps] : []), names.steps];
  const keyCount = sizes.reduce(addDimensions);
  const cut: Cut | undefined =
    sizes.length > 1 ? { sizes, at: graph.input(`${names.prefix}key_cut`, 'int64', [sizes.length]) } : undefined;
  const shape = [1, 1, queriesPerKeyHead(names.steps, heads), keyCount];
  const plain = biasInputs(graph, config, names.prefix, shape, trunks ? names.rows : 1);
  // Trunks have different lengths: each row is told which keys of its trunk are padding.
  const mask = trunks ? graph.input('trunk_mask', 'float32', [names.rows, 1, 1, keyCount]) : undefined;
  const bias = (local: boolean) => (mask && !local ? add(plain(false), mask) : plain(local));
  const asHeads = (x: Value) => splitKeyHeads(unpackRows(x, layout), heads);
  return {
    stretch: (keys: Value, values: Value): Stretch => ({ keys: asHeads(keys), values: asHeads(values) }),
    attend(
      queries: Value,
      own: Stretch,
      above: { readonly prefix?: Stretch; readonly trunk?: Stretch },
      local: boolean,
    ): Value {
      const stretches = [
        ...(prefix ? [above.prefix!] : []),
        ...(spread
          ? [{ keys: spreadRows(above.trunk!.keys, spread), values: spreadRows(above.trunk!.values, spread) }]
          : []),
        own,
      ];
      return packRows(attend(unpackRows(queries, layout), stretches, bias(local), heads, cut), layout);
    },
  };
}

/**
 * Declares `PREFIXbias`, which says what comes later, and, for layers with a sliding window, `PREFIXlocal_bias` of
 * `localRows` rows, which also says what is too long ago. Returns the one for a kind of layer.
 */
export function biasInputs(
  graph: Graph,
  { slidingWindow }: AttendingModel,
  prefix: string,
  shape: Shape,
  localRows: Dimension,
): (local: boolean) => Value {
  const causal = graph.input(`${prefix}bias`, 'float32', shape);
  if (!slidingWindow) return () => causal;
  const windowed = graph.input(`${prefix}local_bias`, 'float32', [localRows, ...shape.slice(1)]);
  return (local) => (local ? windowed : causal);
}

const oneRow = (x: Value): Value => reshape(x, [1, ...x.shape]);

/** Queries of `steps` tokens that look at one key head. */
export const queriesPerKeyHead = (steps: string, { heads, kvHeads }: Heads) =>
  multiplyDimensions(steps, heads / kvHeads);
