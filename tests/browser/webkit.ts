// WebKit as GTK's MiniBrowser, driven over WebDriver: HTTP and JSON, through WebKitWebDriver.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type DrivenOptions, type DrivenPage, endWithUs, expressionOf, pause, toldIn } from './driven.ts';

const DRIVER = '/usr/bin/WebKitWebDriver';
const PLACES = [process.env.LUDIC_WEBKIT, ...globSync('/usr/lib/*/webkit2gtk-4.1/MiniBrowser')];
const MINI_BROWSER = PLACES.find((path) => path !== undefined && existsSync(path));
export const WEBKIT = existsSync(DRIVER) && existsSync('/usr/bin/Xvfb') ? MINI_BROWSER : undefined;

export async function openWebKit({ downloads, dark = false }: DrivenOptions): Promise<DrivenPage> {
  const home = mkdtempSync(join(tmpdir(), 'ludic-webkit-'));
  const display = spawn('/usr/bin/Xvfb', ['-displayfd', '1', '-screen', '0', '1400x1200x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  endWithUs(display);
  const [number] = await once(createInterface(display.stdout), 'line');
  const port = await freePort();
  const blemishes: string[] = [];
  const driver = spawn(DRIVER, [`--port=${port}`, '--host=127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      DISPLAY: `:${number}`,
      GDK_BACKEND: 'x11',
      // Downloads go there.
      HOME: downloads,
      XDG_RUNTIME_DIR: home,
      XDG_CACHE_HOME: join(home, 'cache'),
      XDG_DATA_HOME: join(home, 'data'),
      XDG_CONFIG_HOME: join(home, 'config'),
      NO_AT_BRIDGE: '1',
      GIO_USE_VFS: 'local',
      GSETTINGS_BACKEND: 'memory',
      LIBGL_ALWAYS_SOFTWARE: '1',
    },
  });
  endWithUs(driver);
  const hear = (line: string) => {
    if (/^CONSOLE /.test(line)) blemishes.push(line);
  };
  createInterface(driver.stdout).on('line', hear);
  createInterface(driver.stderr).on('line', hear);
  const base = `http://127.0.0.1:${port}`;
  const ask = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => {
    const response = await fetch(`${base}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
    const { value } = (await response.json()) as { value: never };
    if (!response.ok) throw new Error(JSON.stringify(value));
    return value;
  };
  for (let tries = 0; ; tries++) {
    try {
      await ask('GET', '/status');
      break;
    } catch (error) {
      if (tries > 50) throw error;
      await pause(100);
    }
  }
  const { sessionId, capabilities } = await ask('POST', '/session', {
    capabilities: {
      alwaysMatch: {
        'webkitgtk:browserOptions': {
          binary: MINI_BROWSER,
          args: ['--automation', '--enable-write-console-messages-to-stdout=true', ...(dark ? ['--dark-mode'] : [])],
        },
        timeouts: { script: 300_000, pageLoad: 60_000 },
      },
    },
  });
  const session = `/session/${sessionId}`;
  return {
    version: `WebKitGTK ${(capabilities as { browserVersion: string }).browserVersion}`,
    blemishes,
    async goto(url) {
      await ask('POST', `${session}/url`, { url });
    },
    async evaluate(call, ...given) {
      const script = `const done = arguments[0];
        ${expressionOf(call, given)}.then((json) => done({ json }), (error) => done({ error: String(error) }));`;
      const { json, error }: { json?: string; error?: string } = await ask('POST', `${session}/execute/async`, {
        script,
        args: [],
      });
      if (json === undefined) throw new Error(error);
      return toldIn(json) as never;
    },
    async perform(source, actions) {
      await ask('POST', `${session}/actions`, { actions: [{ type: source, id: source, actions }] });
    },
    async resize(width, height) {
      await ask('POST', `${session}/window/rect`, { width, height });
    },
    async picture() {
      return Buffer.from(await ask('GET', `${session}/screenshot`), 'base64');
    },
    async close() {
      await ask('DELETE', session).catch(() => {});
      for (const child of [driver, display]) {
        const exited = once(child, 'exit');
        child.kill();
        await exited;
      }
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
