import { describe, expect, it } from 'vitest';
import { addressesOf } from './connect.ts';

describe('--base-url', () => {
  it.each(['acme', 'Acme', 'acme-dev', 'a1'])('takes the bare word %s as a Modal workspace', (word) => {
    const workspace = word.toLowerCase();
    expect(addressesOf(word)).toEqual({
      train: `https://${workspace}--ludic-train-serve.modal.run`,
      infer: `https://${workspace}--ludic-infer-serve.modal.run`,
    });
  });

  it.each(['https://example.org', 'example.org', 'host:8000', 'http://127.0.0.1:1/x', '-acme', 'acme-', 'a_b'])(
    'takes %s as it is, for the client to judge',
    (address) => {
      expect(addressesOf(address)).toEqual({ train: address, infer: address });
    },
  );

  it.each([[undefined], [''], ['localhost']])('%s is no server', (address) => {
    expect(() => addressesOf(address)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});
