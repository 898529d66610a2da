import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isOfJobs, jobLink, readJobLink } from './job-link.ts';

it('names a job, whatever it is called', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (id) => {
      expect(isOfJobs(jobLink(id))).toBe(true);
      expect(readJobLink(jobLink(id))).toBe(id);
    }),
  );
});

it.each(['', '#jobs', '#jobs?', '#jobs?job=', '#jobs?other=1', '#watch?job=7', '#jobsx?job=7'])(
  '%j names none',
  (hash) => {
    expect(readJobLink(hash)).toBeUndefined();
  },
);
