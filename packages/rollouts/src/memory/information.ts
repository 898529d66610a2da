// How much one thing tells of another, in bits, from pairs that were seen.

/** Bits that the first of a pair tells of the second, and all that there is to tell: the entropy of the second. */
export interface Information {
  readonly information: number;
  readonly entropy: number;
}

/**
 * The mutual information I(a; b) = H(a) + H(b) - H(a, b) of independent pairs: each entropy is that of the shares seen
 * (plug-in estimate) with the Miller–Madow correction of its bias, (values seen - 1) / 2n nats. The sum is never below 0 and
 * never above H(b).
 * With far fewer pairs than different ones are possible the estimate is too high: compare it with that of pairs that
 * were made at random.
 * Source: Miller (1955), Note on the bias of information estimates; Paninski (2003) for the bias of both.
 */
export function mutualInformation(pairs: readonly (readonly [a: string, b: string])[]): Information {
  const joint = new Map<string, Map<string, number>>();
  const first = new Map<string, number>();
  const second = new Map<string, number>();
  for (const [a, b] of pairs) {
    const row = joint.get(a) ?? new Map<string, number>();
    joint.set(a, row);
    for (const [counts, value] of [
      [row, b],
      [first, a],
      [second, b],
    ] as const)
      counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const both = [...joint.values()].flatMap((row) => [...row.values()]);
  const entropy = entropyOf([...second.values()], pairs.length);
  const information = entropyOf([...first.values()], pairs.length) + entropy - entropyOf(both, pairs.length);
  return { information: Math.min(entropy, Math.max(0, information)), entropy };
}

/** Bits, with the Miller–Madow correction. */
function entropyOf(counts: readonly number[], total: number): number {
  if (total === 0) return 0;
  let nats = (counts.length - 1) / (2 * total);
  for (const count of counts) nats -= (count / total) * Math.log(count / total);
  return nats / Math.LN2;
}
