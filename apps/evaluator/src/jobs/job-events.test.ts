// Curves out of events that may tell a step twice.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mergedBySteps } from './job-events.ts';

const at = (step: number, from = 0) => ({ step, from });

it('lets what a resumed training tells again count', () => {
  const before = mergedBySteps(
    [],
    [1, 2, 3, 4, 5].map((step) => at(step)),
  );
  expect(mergedBySteps(before, [at(4, 1)])).toEqual([at(1), at(2), at(3), at(4, 1)]);
  expect(mergedBySteps(before, [at(4, 1), at(5, 1), at(6, 1)]).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(mergedBySteps(before, [])).toBe(before);
});

it('rises, ends with what came last, and does not depend on how events are gathered', () => {
  const steps = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
  fc.assert(
    fc.property(steps, fc.nat(), (told, cut) => {
      const events = told.map((step, i) => at(step, i));
      const all = mergedBySteps([], events);
      const middle = cut % events.length;
      expect(mergedBySteps(mergedBySteps([], events.slice(0, middle)), events.slice(middle))).toEqual(all);
      expect(all.at(-1)).toBe(events.at(-1));
      expect(all.every(({ step }, i) => i === 0 || all[i - 1]!.step < step)).toBe(true);
    }),
  );
});
