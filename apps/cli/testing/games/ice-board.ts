// For tests: how the ice looks.

import type { Board } from 'ludic';

export interface Ice {
  readonly size: number;
  readonly row: number;
  readonly column: number;
  readonly thin: readonly (readonly [row: number, column: number])[];
}

export const boardOf = ({ size, row, column, thin }: Ice): Board =>
  Array.from({ length: size }, (_, y) =>
    Array.from({ length: size }, (_, x) => {
      if (y === row && x === column) return { text: '☺', kind: 'player' };
      if (thin.some(([one, other]) => one === y && other === x)) return { text: '~', kind: 'danger' };
      return y === size - 1 && x === size - 1 ? { text: '⚑', kind: 'goal' } : { text: '' };
    }),
  );
