// Names of tensors, from GGUF's to those of the family's own files and back.

import type { GgufTraits } from './traits.ts';

/** Our name of GGUF's tensor; its own where there is none. */
export function nameFromGguf(name: string, { names }: GgufTraits): string {
  const [, layer, stem = name, kind] = /^(?:blk\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(name) ?? [];
  const wanted = layer === undefined ? stem : `blk.{}.${stem}`;
  const own = Object.keys(names).find((one) => names[one] === wanted);
  return own === undefined ? name : `${own.replace('{}', layer ?? '')}.${kind}`;
}

/** GGUF's name of our tensor, undefined where it has none. */
export function nameInGguf(name: string, { names }: GgufTraits): string | undefined {
  const [, stem, kind] = /^(.+)\.(weight|bias)$/.exec(name) ?? [];
  const layer = /\.(\d+)\./.exec(`.${stem}.`)?.[1];
  const wanted = layer === undefined ? stem : stem!.replace(layer, '{}');
  const theirs = wanted === undefined ? undefined : names[wanted];
  return theirs === undefined ? undefined : `${theirs.replace('{}', layer ?? '')}.${kind}`;
}
