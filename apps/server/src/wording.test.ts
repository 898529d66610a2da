// Sentences as the packages write them, and what a client reads.

import { describe, expect, it } from 'vitest';
import { forClients, lineForClients } from './wording.ts';

describe('a sentence for clients', () => {
  it.each([
    [
      'The run needs about 9.1 GB of 4.0 GB: weights 2.0. With --gradient-checkpointing --token-budget 512 --beta 0 --lora-rank 16 it needs about 3.1 GB.',
      'The run needs about 9.1 GB of 4.0 GB: weights 2.0. With gradient_checkpointing true, token_budget 512, beta 0, lora_rank 16 it needs about 3.1 GB.',
    ],
    [
      'Even with --batch-size 4 it needs about 9.0 GB: choose a smaller model.',
      'Even with batch_size 4 it needs about 9.0 GB: choose a smaller model.',
    ],
    [
      'Shard 1 was given up. The checkpoints are kept: --resume goes on from the last one.',
      'Shard 1 was given up. The checkpoints are kept: POST /jobs/{id}/resume goes on from the last one.',
    ],
    ['Give --steps more, or --history FULL_HISTORY.', 'Give max_steps more, or history_strategy FULL_HISTORY.'],
    ['It is too slow: use --device webgpu.', "It is too slow: use the server's option device webgpu."],
    [
      'The device cuda does not start: no driver. `ludic doctor` tells what is here.',
      'The device cuda does not start: no driver.',
    ],
    [
      'There is no public model a/b at huggingface.co. Check the name; where the model is private or gated, set HF_TOKEN to a token that may read it (https://huggingface.co/settings/tokens).',
      "There is no public model a/b at huggingface.co. Check the name; where the model is private or gated, set the server's HF_TOKEN to a token that may read it (https://huggingface.co/settings/tokens).",
    ],
    [
      'a/b is not in the cache /root/.cache/huggingface/hub, and HF_HUB_OFFLINE forbids fetching it. Unset that, or give a model folder.',
      "a/b is not in the server's cache, and the server's HF_HUB_OFFLINE forbids fetching it. Unset that.",
    ],
    [
      'huggingface.co cannot be reached (ENOTFOUND). a/b is not in the cache /srv/hub either: connect, or give a model folder.',
      "huggingface.co cannot be reached (ENOTFOUND). a/b is not in the server's cache either.",
    ],
    [
      'The connection to huggingface.co was cut (x). Run the same command again.',
      'The connection to huggingface.co was cut (x). Try again.',
    ],
    [
      'Its process could not be started: spawn /opt/node/bin/node ENOENT.',
      'Its process could not be started: spawn node ENOENT.',
    ],
    ['a of b failed: x\n    at f (file:///srv/a.ts:1:2)\n    at async /srv/b.ts:3:4', 'a of b failed: x'],
    ['Send it later with npm run ludic -- sync /srv/run', 'It cannot be done on this server; its log tells more.'],
    [
      'The entropy is 0.003: the policy hardly tries anything new. Raise the bonus: entropy_coefficient 0.01.',
      'The entropy is 0.003: the policy hardly tries anything new. Raise the bonus: entropy_coefficient 0.01.',
    ],
  ])('%s', (text, wanted) => {
    expect(forClients(text)).toBe(wanted);
    expect(forClients(wanted)).toBe(wanted);
  });

  it('is never endless', () => {
    expect(forClients('x'.repeat(100_000))).toHaveLength(2000);
  });
});

describe('a line of a log for clients', () => {
  it.each([
    ['2026-01-01T00:00:00.000Z step 1: reward 0.5', '2026-01-01T00:00:00.000Z step 1: reward 0.5'],
    ['  indented, and bare -- dashes', '  indented, and bare -- dashes'],
    ['ModelError: /srv/data/models/a is damaged', 'ModelError: a is damaged'],
    ['    at open (file:///srv/app/x.ts:10:3)', undefined],
    ['    at async Promise.all (index 0)', undefined],
    ['    at new Thing (node:internal/x:1:1)', undefined],
    ['file:///srv/app/x.ts:10', undefined],
  ])('%s', (line, wanted) => {
    expect(lineForClients(line)).toBe(wanted);
  });
});
