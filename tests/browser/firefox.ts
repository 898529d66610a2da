// Firefox, driven over WebDriver BiDi: a WebSocket, commands with numbers, events.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type DrivenOptions, type DrivenPage, endWithUs, expressionOf, toldIn } from './driven.ts';

const PLACES = [process.env.LUDIC_FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'];
export const FIREFOX = PLACES.find((path) => path !== undefined && existsSync(path));

/** No server is asked for anything but what a test asks, and WebGPU is had where it has but a software adapter. */
const PREFERENCES = {
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'browser.download.folderList': 2,
  'datareporting.policy.dataSubmissionEnabled': false,
  'dom.webgpu.enabled': true,
  'extensions.update.enabled': false,
  'gfx.webgpu.ignore-blocklist': true,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
  'toolkit.telemetry.enabled': false,
};

export async function openFirefox({ origin, downloads, dark = false }: DrivenOptions): Promise<DrivenPage> {
  const profile = mkdtempSync(join(tmpdir(), 'ludic-firefox-'));
  const preferences = {
    ...PREFERENCES,
    'browser.download.dir': downloads,
    'layout.css.prefers-color-scheme.content-override': dark ? 0 : 1,
  };
  const lines = Object.entries(preferences).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  );
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  const child = spawn(
    FIREFOX!,
    ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const exited = once(child, 'exit');
  endWithUs(child);
  const address = await new Promise<string>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      const [, found] = /WebDriver BiDi listening on (\S+)/.exec(line) ?? [];
      if (found) resolve(found);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Firefox ended with ${code}.`)));
  });
  const bidi = await Connection.open(`${address}/session`);
  const { capabilities } = await bidi.send('session.new', { capabilities: {} });
  const blemishes: string[] = [];
  bidi.onEvent = (method, params) => {
    if (method === 'log.entryAdded') blemishes.push(`${params.type} ${params.level}: ${params.text}`);
    const url: string = params.request?.url ?? '';
    if (url !== '' && !/^(blob|data|about):/.test(url) && new URL(url).origin !== origin)
      blemishes.push(`asks elsewhere: ${url}`);
  };
  const { contexts } = await bidi.send('browsingContext.getTree', {});
  const { context } = contexts[0];
  await bidi.send('session.subscribe', { events: ['log.entryAdded', 'network.beforeRequestSent'] });
  return {
    version: `Firefox ${capabilities.browserVersion}`,
    blemishes,
    async goto(url) {
      await bidi.send('browsingContext.navigate', { context, url, wait: 'complete' });
    },
    async evaluate(call, ...given) {
      const { type, result, exceptionDetails } = await bidi.send('script.evaluate', {
        expression: expressionOf(call, given),
        target: { context },
        awaitPromise: true,
      });
      if (type === 'exception') throw new Error(exceptionDetails.text);
      return toldIn(result.value) as never;
    },
    async perform(source, actions) {
      await bidi.send('input.performActions', { context, actions: [{ type: source, id: source, actions }] });
    },
    async resize(width, height) {
      await bidi.send('browsingContext.setViewport', { context, viewport: { width, height } });
    },
    async picture() {
      const { data } = await bidi.send('browsingContext.captureScreenshot', { context });
      return Buffer.from(data, 'base64');
    },
    async close() {
      await bidi.send('browser.close', {}).catch(() => {});
      bidi.close();
      const late = setTimeout(() => child.kill('SIGKILL'), 5000);
      await exited;
      clearTimeout(late);
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

// What the protocol tells is read where it is used.
// biome-ignore lint/suspicious/noExplicitAny: the shape of each answer stands in the protocol
type Told = any;

class Connection {
  readonly #socket: WebSocket;
  readonly #open = new Map<number, { resolve(told: Told): void; reject(error: Error): void }>();
  #sent = 0;
  onEvent: (method: string, params: Told) => void = () => {};

  static async open(url: string): Promise<Connection> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`Firefox does not answer at ${url}.`));
    });
    return new Connection(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const { id, type, result, error, message, method, params } = JSON.parse(data);
      if (type === 'event') {
        this.onEvent(method, params);
        return;
      }
      if (type === 'success') this.#open.get(id)?.resolve(result);
      else this.#open.get(id)?.reject(new Error(`${error}: ${message}`));
      this.#open.delete(id);
    };
    socket.onclose = () => {
      for (const { reject } of this.#open.values()) reject(new Error('Firefox is gone.'));
      this.#open.clear();
    };
  }

  send(method: string, params: object): Promise<Told> {
    const id = ++this.#sent;
    const answer = new Promise<Told>((resolve, reject) => this.#open.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answer;
  }

  close(): void {
    this.#socket.close();
  }
}
