// What a person sees while files are transferred: in a terminal one line that is redrawn, elsewhere a line for each file.

import type { HubEvent } from '@ludic/hub';
import { amount, duration } from '../units.ts';

/** Milliseconds between drawings. */
const PACE = 100;

export class TransferView {
  readonly #out: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>;
  readonly #clock: () => number;
  #began: number | undefined;
  /** Bytes that were present before the transfer. */
  #before = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  /** @param clock milliseconds of any steady clock */
  constructor(out: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>, clock: () => number) {
    this.#out = out;
    this.#clock = clock;
  }

  show(event: HubEvent): void {
    switch (event.type) {
      case 'note':
        this.#line(event.message);
        break;
      case 'file':
        this.#file(event);
        break;
      default:
        event satisfies never;
    }
  }

  /** Erases the line. */
  close(): void {
    this.#erase();
  }

  #file({ file, size, state, bytes, all }: Extract<HubEvent, { type: 'file' }>): void {
    const now = this.#clock();
    if (this.#began === undefined) {
      this.#began = now;
      this.#before = all.bytes;
    }
    if (!this.#out.isTTY) {
      if (state === 'begun' && bytes > 0) this.#line(`${file}  ${amount(bytes)} are here from before`);
      if (state === 'done') this.#line(`${file}  ${amount(size)}`);
      return;
    }
    if (state !== 'done' && now - this.#drawnAt < PACE) return;
    this.#drawnAt = now;
    const seconds = (now - this.#began) / 1000;
    const rate = seconds > 0 ? (all.bytes - this.#before) / seconds : 0;
    const pace = rate > 0 ? `  ${amount(rate)}/s  ${duration((all.size - all.bytes) / rate)} left` : '';
    this.#erase();
    this.#out.write(`${file}  ${amount(all.bytes)} of ${amount(all.size)}${pace}`);
  }

  #line(text: string): void {
    this.#erase();
    this.#out.write(`${text}\n`);
  }

  #erase(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001b[K');
  }
}
