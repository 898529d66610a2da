import { expect, it } from 'vitest';
import { placeAfter } from './place.ts';

it('is behind the rows that arrived', () => {
  expect(placeAfter({ rows: 7 }, 7)).toEqual({ rows: 7, lines: 7 });
});

it('sends rows again whose arrival is unknown, to their own lines', () => {
  for (const there of [7, 8, 10]) expect(placeAfter({ rows: 7, sending: 3 }, there)).toEqual({ rows: 7, lines: 7 });
});

it("is behind another writer's lines, and takes none of them for its own", () => {
  expect(placeAfter({ rows: 7 }, 12)).toEqual({ rows: 7, lines: 12 });
  expect(placeAfter({ rows: 7, lines: 12 }, 12)).toEqual({ rows: 7, lines: 12 });
  expect(placeAfter({ rows: 7, lines: 12, sending: 2 }, 20)).toEqual({ rows: 9, lines: 20 });
});

it('does not go back where the count at W&B is late', () => {
  expect(placeAfter({ rows: 7, lines: 12 }, 9)).toEqual({ rows: 7, lines: 12 });
});
