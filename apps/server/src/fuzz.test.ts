// A few hundred odd requests, the same each time. `npx node bench/fuzz.ts` sends thousands.

import { expect, it } from 'vitest';
import { runFuzz } from '../testing/fuzz-run.ts';
import { CANARY, listing, PASSWORD, startService } from '../testing/service.ts';

it('answers every request as the contract says, and touches nothing outside its folder', async () => {
  process.env.HF_HUB_OFFLINE = '1';
  const service = await startService();
  try {
    const before = listing(service.folder);
    const report = await runFuzz(
      { url: service.url, password: PASSWORD, secrets: [CANARY, PASSWORD, 'root:x:0:'] },
      { requests: 500, seed: 5, specials: 1, slow: false },
    );
    expect(report.complaints).toEqual([]);
    expect(report.statuses).not.toHaveProperty('500');
    // Requests of many kinds were let in, or nothing has been shown.
    expect(Object.keys(report.accepted)).toEqual(
      expect.arrayContaining([
        'POST /generate-rollout',
        'POST /evaluate-policy',
        'POST /start-training',
        'POST /v1/chat/completions',
      ]),
    );
    expect(listing(service.folder)).toBe(before);
    expect(service.log.filter((line) => line.includes('"fault"'))).toEqual([]);
  } finally {
    await service.close();
  }
});
