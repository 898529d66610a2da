// Dimensions that may be unknown until the graph runs. A dimension is a number or a polynomial with whole coefficients
// over symbols, written in one canonical way ("2*rows*steps+prefix"), so that equal dimensions are equal strings.

/** A number, or a canonical expression over symbols. Make expressions with the functions of this file. */
export type Dimension = number | string;
/** The dimensions of a tensor, outermost first; [] is a scalar. */
export type Shape = readonly Dimension[];

type Polynomial = Map<string, number>;

function parse(dimension: Dimension): Polynomial {
  if (typeof dimension === 'number') return new Map(dimension === 0 ? [] : [['', dimension]]);
  const terms: Polynomial = new Map();
  for (const term of dimension.split('+')) {
    const factors = term.split('*');
    const coefficient = /^-?\d+$/.test(factors[0]!) ? Number(factors.shift()) : 1;
    terms.set(factors.join('*'), coefficient);
  }
  return terms;
}

function format(terms: Polynomial): Dimension {
  const entries = [...terms].filter(([, coefficient]) => coefficient !== 0);
  if (entries.length === 0) return 0;
  if (entries.length === 1 && entries[0]![0] === '') return entries[0]![1];
  return entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([symbols, coefficient]) =>
      symbols === '' ? `${coefficient}` : coefficient === 1 ? symbols : `${coefficient}*${symbols}`,
    )
    .join('+');
}

/** a + b, in canonical form. */
export function addDimensions(a: Dimension, b: Dimension): Dimension {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const sum = parse(a);
  for (const [symbols, coefficient] of parse(b)) sum.set(symbols, (sum.get(symbols) ?? 0) + coefficient);
  return format(sum);
}

/** a · b, in canonical form. */
export function multiplyDimensions(a: Dimension, b: Dimension): Dimension {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  const product: Polynomial = new Map();
  for (const [left, x] of parse(a)) {
    for (const [right, y] of parse(b)) {
      const symbols = [...left.split('*'), ...right.split('*')]
        .filter((s) => s !== '')
        .sort()
        .join('*');
      product.set(symbols, (product.get(symbols) ?? 0) + x * y);
    }
  }
  return format(product);
}

/** Number of elements of a shape. */
export function elementCount(shape: Shape): Dimension {
  return shape.reduce<Dimension>(multiplyDimensions, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** The shape of an elementwise result, or undefined where the two do not fit. Sizes of 1 stretch, ranks are padded in front. */
export function broadcast(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: Dimension[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    result.push(x === 1 ? y : x);
  }
  return result;
}
