// Logs that stay small, and their ends.

import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundLog, note, tailOf } from './log-file.ts';
import { jobPlaces } from './places.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ludic-log-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const inScratch = (name: string) => ({ log: join(scratch, name), olderLog: join(scratch, `${name}.older`) });

describe('the end of a log', () => {
  it('is the last lines, whatever is in them', async () => {
    const log = inScratch('any');
    const line = fc.string({ maxLength: 30, unit: 'grapheme' }).map((text) => text.replaceAll('\n', ' '));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20 }), fc.integer({ min: 1, max: 25 }), async (lines, wanted) => {
        await writeFile(log.log, lines.map((each) => `${each}\n`).join(''));
        const expected = lines.slice(Math.max(0, lines.length - wanted));
        expect(await tailOf(log, wanted)).toBe(expected.map((each) => `${each}\n`).join(''));
      }),
      { numRuns: 60 },
    );
  });

  it('goes across blocks, and into what was put aside', async () => {
    const log = inScratch('long');
    const lines = Array.from({ length: 9000 }, (_, i) => `line ${i} ${'x'.repeat(20)}\n`);
    await writeFile(log.olderLog, lines.slice(0, 6000).join(''));
    await writeFile(log.log, lines.slice(6000).join(''));
    for (const wanted of [1, 2999, 3000, 3001, 8000])
      expect(await tailOf(log, wanted)).toBe(lines.slice(-wanted).join(''));
    expect(await tailOf(inScratch('absent'), 5)).toBe('');
  });
});

describe('a log that grows', () => {
  it('is put aside while its process goes on writing at its end', async () => {
    const log = inScratch('growing');
    for (let i = 0; i < 100; i++) {
      await appendFile(log.log, `${'y'.repeat(99)}\n`);
      await boundLog(log, 1000);
    }
    note(log.log, 'Done.');
    expect((await stat(log.log)).size + (await stat(log.olderLog)).size).toBeLessThan(2500);
    expect(await readFile(log.log, 'utf8')).toMatch(/\[server\] Done\.\n$/);
    expect(() => note(jobPlaces(scratch, 'no-such-job').log, 'lost')).not.toThrow();
  });
});
