import { EnvironmentError } from '@ludic/environments';
import { GrpoError } from '@ludic/grpo';
import { HubError } from '@ludic/hub';
import { LudicError } from '@ludic/io';
import { ModelError } from '@ludic/models';
import { ServiceError } from '@ludic/service';
import { describe, expect, it } from 'vitest';
import { asServiceError, CODES } from './failure.ts';
import { InferenceError } from './inference/errors.ts';
import { finalReason } from './jobs/process/final-reason.ts';
import { forClients } from './wording.ts';

const statusOf = (error: unknown) => asServiceError(error, 'request 7').status;

describe('an error on its way to a client', () => {
  it.each([
    [new EnvironmentError('bad_config', 'x'), 400],
    [new ModelError('bad_safetensors', 'x'), 422],
    [new HubError('repository_not_found', 'x'), 404],
    [new HubError('offline', 'x'), 503],
    [new HubError('bad_reference', 'x'), 400],
    [new GrpoError('run_exists', 'x'), 409],
    [new GrpoError('no_run', 'x'), 422],
    [new InferenceError('worker_died', 'x'), 503],
    [new InferenceError('timed_out', 'x'), 422],
    [new InferenceError('closed', 'x'), 503],
    [new InferenceError('fault', 'x'), 500],
    [Object.assign(new Error('no space'), { code: 'ENOSPC' }), 503],
    [new TypeError('x'), 500],
    ['a text', 500],
    [undefined, 500],
    [Object.assign(new Error('x'), { name: 'constructor', code: 'name' }), 500],
    [Object.assign(new Error('x'), { name: 'ModelError', code: 'toString' }), 500],
  ])('has the status of what it means: %o', (error, status) => {
    expect(statusOf(error)).toBe(status);
  });

  it('tells a client that has to wait how long', () => {
    const error = asServiceError(new InferenceError('busy', 'Ten are worked on already.', 3), 'request 7');
    expect([error.status, error.retryAfter, error.message]).toEqual([429, 3, 'Ten are worked on already.']);
  });

  it('is passed on where it is of the contract already', () => {
    const error = new ServiceError('conflict', 'The name is taken.');
    expect(asServiceError(error, 'request 7')).toBe(error);
  });

  it('says nothing of a fault but where the log tells of it', () => {
    for (const fault of [new TypeError('secret'), new InferenceError('fault', 'secret')]) {
      const { error } = asServiceError(fault, 'request 7').toJSON();
      expect(error.message).toContain('request 7');
      expect(JSON.stringify(error)).not.toContain('secret');
    }
  });

  it.each(Object.entries(CODES).flatMap(([name, codes]) => Object.keys(codes).map((code) => [name, code] as const)))(
    'tells nothing of this machine, as %s %s and as the reason of a job',
    (name, code) => {
      const text = `/srv/data/models/a/x.bin is bad: use --lora-rank 16, --device webgpu or npm run ludic -- doctor.\n    at read (file:///srv/app/x.ts:1:2)`;
      const error = Object.assign(new LudicError(code, text), { name });
      const reason = finalReason(error, '/srv/data');
      const told = [asServiceError(error, 'request 7').message, ...(reason === undefined ? [] : [forClients(reason)])];
      for (const sentence of told) expect(sentence).not.toMatch(/\/srv|--|npm|file:|\n/);
    },
  );

  it('knows of no place on this machine', () => {
    const error = new ModelError('bad_tensors', 'The file /srv/ludic/models/a/model.safetensors is damaged.');
    expect(asServiceError(error, '').message).toBe('The file model.safetensors is damaged.');
  });
});
