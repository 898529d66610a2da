// Which failures of a job are final, and what its owner is told.

import { GrpoError } from '@ludic/grpo';
import { ModelError } from '@ludic/models';
import { RuntimeError } from '@ludic/runtime';
import { describe, expect, it } from 'vitest';
import { finalReason } from './final-reason.ts';

const full = Object.assign(new Error('no space left on device, write'), { code: 'ENOSPC' });

describe('the reason of a failure', () => {
  it.each<[Error, RegExp | undefined]>([
    [new GrpoError('too_large', 'The run needs 90 GB.'), /needs 90 GB/],
    [new RuntimeError('device_missing', 'The device cuda is not here.'), /cuda is not here/],
    [new RuntimeError('run_failed', 'bad allocation'), undefined],
    [new GrpoError('worker_failed', 'A worker died.'), undefined],
    [new TypeError('x is undefined'), undefined],
    [full, /disk of the server is full/],
    [
      new ModelError('write_failed', '/data/models/a could not be written', { cause: full }),
      /disk of the server is full/,
    ],
  ])('%s', (error, reason) => {
    if (reason === undefined) expect(finalReason(error, '/data')).toBeUndefined();
    else expect(finalReason(error, '/data')).toMatch(reason);
  });

  it('names models, not places', () => {
    const error = new GrpoError(
      'bad_checkpoint',
      'The checkpoint /data/models/a/checkpoints/step-000001 cannot be read.',
    );
    expect(finalReason(error, '/data')).toBe('The checkpoint a/checkpoints/step-000001 cannot be read.');
  });
});
