// A browser that is driven from outside, as far as tests need it: Firefox over WebDriver BiDi (firefox.ts), WebKit over
// WebDriver (webkit.ts). What a hand does on a page is the same in both (Hand).

import type { ChildProcess } from 'node:child_process';

/** What a person does, in the words that both protocols share. */
export type Action =
  | { readonly type: 'pointerMove'; readonly x: number; readonly y: number }
  | { readonly type: 'pointerDown' | 'pointerUp'; readonly button: 0 }
  | { readonly type: 'keyDown' | 'keyUp'; readonly value: string };

export interface DrivenPage {
  /** `Firefox 140.1`. */
  readonly version: string;
  /** What the page must not have: words on its console, uncaught errors, requests to elsewhere. */
  readonly blemishes: readonly string[];
  goto(url: string): Promise<void>;
  /** Calls a function in the page, with plain data in and out. */
  evaluate<Given extends readonly unknown[], Told>(
    call: (...given: Given) => Told | Promise<Told>,
    ...given: Given
  ): Promise<Told>;
  perform(source: 'pointer' | 'key', actions: readonly Action[]): Promise<void>;
  /** Of the window, in CSS pixels. */
  resize(width: number, height: number): Promise<void>;
  /** As PNG. */
  picture(): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface DrivenOptions {
  /** Of the page: requests to others are blemishes, where the browser tells of them. */
  readonly origin: string;
  /** Where downloads go. */
  readonly downloads: string;
  readonly dark?: boolean;
}

/** An expression that calls a function and is fulfilled with what it tells, as JSON. */
export const expressionOf = (call: (...given: never) => unknown, given: readonly unknown[]): string =>
  `(async () => JSON.stringify({ told: await (${call})(...${JSON.stringify(given)}) }))()`;

export const toldIn = (json: string) => (JSON.parse(json) as { told?: unknown }).told;

/** A browser that could not be driven is not left behind. */
export const endWithUs = (child: ChildProcess) => {
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
};

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const CONTROL = '\uE009';
/** In ms; less than a test has. */
const PATIENCE = 45_000;

/** Mouse and keys on a page. Parts are known by what they are and by what they are called. */
export class Hand {
  readonly #page: DrivenPage;
  constructor(page: DrivenPage) {
    this.#page = page;
  }

  async click(selector: string, name: string): Promise<void> {
    const at = await this.#settled(selector, name);
    await this.#page.perform('pointer', [
      { type: 'pointerMove', ...at },
      { type: 'pointerDown', button: 0 },
      { type: 'pointerUp', button: 0 },
    ]);
  }

  /** Where a part is once it has stopped moving: what is chosen for a form arrives late and pushes the rest down. */
  async #settled(selector: string, name: string): Promise<{ x: number; y: number }> {
    let before: { x: number; y: number } | undefined;
    for (;;) {
      const at = await this.#page.evaluate(placeOf, selector, name);
      if (!at) throw new Error(`There is no ${selector} named ${name}.`);
      if (at.x === before?.x && at.y === before.y) return at;
      before = at;
      await pause(50);
    }
  }

  /** One after the other: characters, or what the protocols call other keys. */
  async keys(keys: Iterable<string>): Promise<void> {
    const actions = [...keys].flatMap((value) => [
      { type: 'keyDown', value } as const,
      { type: 'keyUp', value } as const,
    ]);
    await this.#page.perform('key', actions);
  }

  /** Writes over what stands in a field. */
  async fill(label: string, text: string): Promise<void> {
    await this.click('input', label);
    await this.#page.perform('key', [
      { type: 'keyDown', value: CONTROL },
      { type: 'keyDown', value: 'a' },
      { type: 'keyUp', value: 'a' },
      { type: 'keyUp', value: CONTROL },
    ]);
    await this.keys(text);
  }

  /** Waits for something to stand on the page, and tells what stands there. */
  async until(text: RegExp): Promise<string> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      // biome-ignore lint/performance/useDomNodeTextContent: what is hidden does not count
      const shown = await this.#page.evaluate(() => document.body.innerText);
      if (text.test(shown)) return shown;
      if (Date.now() > deadline) throw new Error(`${text} does not appear. The page says:\n${shown}`);
      await pause(100);
    }
  }
}

/** In the page: the middle of a part that can be seen, after it has been scrolled to. */
function placeOf(selector: string, name: string): { x: number; y: number } | undefined {
  const called = (element: Element) =>
    (element.ariaLabel ?? (element as HTMLInputElement).labels?.[0]?.textContent ?? element.textContent ?? '').trim();
  const found = [...document.querySelectorAll(selector)].find(
    (element) => element.checkVisibility() && called(element) === name,
  );
  if (!found) return undefined;
  found.scrollIntoView({ block: 'center', behavior: 'instant' });
  const { left, top, width, height } = found.getBoundingClientRect();
  return { x: Math.round(left + width / 2), y: Math.round(top + height / 2) };
}
