// How moving files are shown, in a terminal and elsewhere.

import type { HubEvent } from '@ludic/hub';
import { describe, expect, it } from 'vitest';
import { amount } from '../units.ts';
import { TransferView } from './transfers.ts';

const MB = 1_000_000;
const at = (state: 'begun' | 'moving' | 'done', bytes: number): HubEvent => ({
  type: 'file',
  file: 'model.safetensors',
  size: 100 * MB,
  state,
  bytes,
  all: { bytes, size: 100 * MB },
});

function shown(isTTY: boolean): string {
  let text = '';
  let now = 0;
  const out = {
    isTTY,
    write: (part: string | Uint8Array) => {
      text += part;
      return true;
    },
  };
  const view = new TransferView(out, () => now);
  view.show(at('begun', 20 * MB));
  for (const [seconds, bytes] of [
    [0.05, 21 * MB],
    [2, 40 * MB],
  ] as const) {
    now = 1000 * seconds;
    view.show(at('moving', bytes));
  }
  view.show({ type: 'note', message: 'Something happened.' });
  now = 8000;
  view.show(at('done', 100 * MB));
  view.close();
  return text;
}

describe('files on their way', () => {
  it('are one line in a terminal, with bytes of all, rate and time left', () => {
    const clear = '\r\u001b[K';
    expect(shown(true)).toBe(
      [
        'model.safetensors  20 MB of 100 MB',
        'model.safetensors  40 MB of 100 MB  10 MB/s  6 s left',
        'Something happened.\n',
        'model.safetensors  100 MB of 100 MB  10 MB/s  0 s left',
        '',
      ]
        .map((line) => clear + line)
        .join(''),
    );
  });

  it('are a line each elsewhere', () => {
    expect(shown(false)).toBe(
      'model.safetensors  20 MB are here from before\nSomething happened.\nmodel.safetensors  100 MB\n',
    );
  });

  it('are counted in units for people', () => {
    expect([0, 999, 1500, 48_000, 2_869_768, 1.2e9, 5e15].map(amount)).toEqual([
      '0 B',
      '999 B',
      '1.5 kB',
      '48 kB',
      '2.9 MB',
      '1.2 GB',
      '5000 TB',
    ]);
  });
});
