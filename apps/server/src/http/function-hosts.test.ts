import { expect, it } from 'vitest';
import { functionHost } from './function-hosts.ts';

it.each([
  ['me--ludic-start-training.modal.run', '/start-training', 'me--ludic.modal.run'],
  ['ludic-evaluate-policy.example.org', '/evaluate-policy', 'ludic.example.org'],
  ['a-generate-rollout.localhost', '/generate-rollout', 'a.localhost'],
  ['b-health-check', '/health-check', 'b'],
  ['b-start-training-health-check.x', '/health-check', 'b-start-training.x'],
])('%s is a host of %s', (host, path, base) => {
  expect(functionHost(host)).toEqual({ path, base });
});

it.each([
  'ludic.example.org',
  'start-training.example.org',
  '-start-training.example.org',
  'ludic-start-training-2.example.org',
  'example.ludic-start-training',
  'ludic-jobs.example.org',
  '127.0.0.1',
  '[::1]',
  '',
])('%s is a host of no function', (host) => {
  expect(functionHost(host)).toBeUndefined();
});
