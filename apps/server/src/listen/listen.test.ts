import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { Hono } from 'hono';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../testing/jobs.ts';
import { isEncrypted, parseTrust, peerOf } from '../http/address.ts';
import { jsonBody } from '../http/json-body.ts';
import { type Listening, type ListenOptions, listen } from './listen.ts';
import { HAS_OPENSSL, makeCertificate } from './testing.ts';
import type { TlsFiles } from './tls.ts';

const NONE = parseTrust(undefined);
const running: Listening[] = [];
const app = new Hono()
  .get('/', (context) => context.json({ peer: peerOf(context), encrypted: isEncrypted(context) }))
  .get('/slow', async (context) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return context.text('done');
  })
  .get(
    '/endless',
    () => new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) })),
  )
  .get('/slower', async (context) => {
    await new Promise((resolve) => setTimeout(resolve, 2500));
    return context.text('done');
  })
  .get('/large', () => new Response(new Uint8Array(50_000_000)))
  .get('/stream', () => {
    const pull = (controller: ReadableStreamDefaultController) => controller.enqueue(new Uint8Array(1_000_000));
    return new Response(new ReadableStream({ pull }));
  })
  .post('/', async (context) => context.json(await jsonBody(context)));
async function open(options: Partial<ListenOptions> = {}): Promise<Listening> {
  const listening = await listen(app.fetch, { port: 0, trust: NONE, ...options });
  running.push(listening);
  return listening;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close(0)));
});

describe('the port', () => {
  it('closes without waiting for connections that were never used', async () => {
    const { url, port, close } = await open();
    const reserve = connect(port, '127.0.0.1');
    await once(reserve, 'connect');
    // The server has met the first by the time that it answers the second.
    await (await fetch(url)).text();
    const ended = once(reserve, 'close');
    await close(60_000);
    await ended;
  }, 10_000);

  it('is open on loopback alone, unless something else is said', async () => {
    const { url, port } = await open();
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect(await (await fetch(url)).json()).toEqual({ peer: '127.0.0.1', encrypted: false });
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'games.example'])(
    'does not open on %s without TLS or a proxy',
    async (host) => {
      await expect(open({ host })).rejects.toMatchObject({
        code: 'insecure_address',
        message: expect.stringMatching(/--tls-cert.*--trust-proxy/),
      });
    },
  );

  it('opens on any address behind a trusted proxy', async () => {
    const { port } = await open({ host: '0.0.0.0', trust: parseTrust(true) });
    expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(200);
  });

  it('that is taken, or on no address of this machine, is said', async () => {
    const { port } = await open();
    await expect(open({ port: 70_000 })).rejects.toMatchObject({
      code: 'cannot_listen',
      message: expect.stringContaining('65535'),
    });
    await expect(open({ port })).rejects.toMatchObject({
      code: 'cannot_listen',
      message: expect.stringContaining('--port'),
    });
    await expect(open({ host: '192.0.2.1', trust: parseTrust(true) })).rejects.toMatchObject({
      code: 'cannot_listen',
      message: expect.stringContaining('--host'),
    });
  });
});

describe('a server that closes', () => {
  it('lets requests end, and takes no new ones', async () => {
    const listening = await open();
    const slow = fetch(`${listening.url}/slow`).then((response) => response.text());
    await fetch(listening.url);
    const closed = listening.close(600_000);
    await expect(fetch(listening.url)).rejects.toThrow();
    expect(await slow).toBe('done');
    await closed;
  });

  it('cuts off what does not end within its grace', async () => {
    const listening = await open();
    const response = await fetch(`${listening.url}/endless`);
    const reading = response.text();
    await listening.close(100);
    await expect(reading).rejects.toThrow();
  });
});

/** What a server says to bytes, until it hangs up. */
function say(port: number, bytes: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let heard = '';
  const socket: Socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  socket.on('data', (chunk: Buffer) => {
    heard += chunk;
  });
  socket.on('error', () => {}).on('close', () => resolve(heard));
  return promise;
}

describe('clients that misbehave', () => {
  it('are turned away: huge and endless headers, bodies that never come', async () => {
    const { port } = await open();
    const host = 'Host: x\r\n';
    const [huge, slowHeader, slowBody, garbage] = await Promise.all([
      say(port, `GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`),
      say(port, `GET / HTTP/1.1\r\n${host}X: `),
      say(port, `POST / HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a"`),
      say(port, '\x16\x03\x01\x02\x00garbage\r\n\r\n'),
    ]);
    expect(huge).toMatch(/^HTTP\/1\.1 400.*headers are larger than/s);
    expect(slowHeader).toMatch(/^HTTP\/1\.1 408/);
    expect(slowBody).toMatch(/^HTTP\/1\.1 408.*took longer than 10 s/s);
    expect(garbage).toMatch(/^HTTP\/1\.1 400/);
  });

  it.each(['/large', '/stream'])('are cut off when they take nothing of %s, and no others are', async (path) => {
    const { url, port } = await open({ stalledMs: 1000 });
    const stalled = connect(port, '127.0.0.1', () => stalled.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`));
    const closed = new Promise((resolve) => stalled.on('error', () => {}).once('close', resolve));
    stalled.pause();
    // Takes longer to be answered than the other may stand still.
    expect(await say(port, 'GET /slower HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(/done$/m);
    // What had left the server before comes, and then the end.
    let taken = 0;
    stalled.on('data', (part) => {
      taken += part.length;
    });
    stalled.resume();
    await closed;
    expect(taken).toBeLessThan(50_000_000);
    expect((await fetch(url)).status).toBe(200);
  });

  it('are told from those that take a large answer, bit by bit', async () => {
    // Longer than this process, in which both ends run, ever stands still on a busy machine.
    const { url } = await open({ stalledMs: 20_000 });
    expect((await (await fetch(`${url}/large`)).arrayBuffer()).byteLength).toBe(50_000_000);
  });

  it('are told in the usual shape that they name no host', async () => {
    const { port } = await open();
    const told = await say(port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n');
    expect(told).toMatch(/^HTTP\/1\.1 400.*"bad_request".*Host header/s);
  });

  it('get their 413 although they go on sending', async () => {
    const { url, port } = await open();
    const headers = { 'content-type': 'application/json' };
    const large = await fetch(url, { method: 'POST', headers, body: new Uint8Array(20_000_000).fill(0x20) });
    expect(large.status).toBe(413);
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    const chunked = await say(
      port,
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(40)}`,
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413/);
    expect((await fetch(url)).status).toBe(200);
  });
});

describe.skipIf(!HAS_OPENSSL)('TLS', () => {
  let folder = '';
  let files: TlsFiles;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ludic-tls-'));
    files = makeCertificate(folder, 'good');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('opens the port on any address', async () => {
    const { url, port } = await open({ host: '0.0.0.0', tls: files });
    expect(url).toBe(`https://0.0.0.0:${port}`);
    const body = await new Promise<string>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: '/', rejectUnauthorized: false }, async (response) => {
        resolve((await response.toArray()).join(''));
      }).on('error', reject);
    });
    expect(JSON.parse(body)).toEqual({ peer: '127.0.0.1', encrypted: true });
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
  });

  it('with files that do not fit is refused before the port opens', async () => {
    const other = makeCertificate(folder, 'other');
    const ended = makeCertificate(folder, 'ended', -1);
    const text = join(folder, 'text');
    writeFileSync(text, 'no certificate');
    const cases: [TlsFiles, string][] = [
      [{ ...files, cert: '/nowhere.pem' }, 'The certificate /nowhere.pem cannot be read (ENOENT)'],
      [{ ...files, key: '/nowhere.key' }, 'The key /nowhere.key cannot be read (ENOENT)'],
      [{ ...files, cert: text }, 'holds no certificate'],
      [{ ...files, key: files.cert }, 'holds no private key'],
      [{ ...files, key: other.key }, 'does not belong'],
      [ended, 'ended on'],
    ];
    for (const [tls, sentence] of cases)
      await expect(open({ tls })).rejects.toMatchObject({
        code: 'bad_certificate',
        message: expect.stringContaining(sentence),
      });
  });
});

describe.skipIf(!HAS_OPENSSL)('a certificate that is renewed', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ludic-renewal-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const fingerprintOf = (file: string) => new X509Certificate(readFileSync(file)).fingerprint256;
  /** The certificate that a new connection gets. */
  async function shown(port: number): Promise<string> {
    const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerX509Certificate()!;
    socket.destroy();
    return fingerprint256;
  }
  /** A server with files of its own, the sentences it had to say, and a wait for the next of them. */
  async function opened(name: string) {
    const files = makeCertificate(folder, name);
    const news: string[] = [];
    let heard = () => {};
    const { port } = await open({
      tls: files,
      tlsCheckEveryMs: 10,
      onTlsNews: (kind, sentence) => {
        news.push(`${kind}: ${sentence}`);
        heard();
      },
    });
    const next = () => new Promise<void>((resolve) => (heard = resolve));
    return { files, port, news, next };
  }

  it('is shown to new connections, and those that are open go on', async () => {
    const { files, port, news, next } = await opened('first');
    expect(await shown(port)).toBe(fingerprintOf(files.cert));
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    const ask = () =>
      new Promise<unknown>((resolve, reject) => {
        const sent = get({ host: '127.0.0.1', port, path: '/', agent }, async (response) => {
          await response.toArray();
          resolve(sent.reusedSocket);
        }).on('error', reject);
      });
    expect(await ask()).toBe(false);
    const other = makeCertificate(folder, 'second');
    const said = next();
    // As certbot renews them: both at once, by renaming.
    renameSync(other.key, files.key);
    renameSync(other.cert, files.cert);
    await said;
    // A look that fell between the two renamings has said so.
    await until(() => news.at(-1)!.startsWith('changed'));
    expect(await shown(port)).toBe(fingerprintOf(files.cert));
    expect(await ask()).toBe(true);
    agent.destroy();
  });

  it('is not used while it does not fit, which is said once for each change', async () => {
    const { files, port, news, next } = await opened('good');
    const before = await shown(port);
    const other = makeCertificate(folder, 'next');
    const ended = makeCertificate(folder, 'over', -1);
    const whole = readFileSync(other.cert);
    const changes: [() => void, RegExp][] = [
      [() => writeFileSync(files.cert, whole), /^kept: The key in .* does not belong .* from before/],
      [() => writeFileSync(files.cert, whole.subarray(0, 100)), /^kept: .* holds no certificate/],
      [() => rmSync(files.cert), /^kept: .* cannot be read \(ENOENT\)/],
      [() => renameSync(ended.cert, files.cert), /^kept: .*/],
      [() => renameSync(ended.key, files.key), /^kept: .* ended on/],
    ];
    for (const [change, sentence] of changes) {
      const said = next();
      const count = news.length;
      change();
      await said;
      // Several looks later nothing more was said of it.
      await new Promise((resolve) => setTimeout(resolve, 60));
      expect(news.slice(count)).toEqual([expect.stringMatching(sentence)]);
      expect(await shown(port)).toBe(before);
    }
    renameSync(other.key, files.key);
    writeFileSync(files.cert, whole);
    await until(() => news.at(-1)!.startsWith('changed'));
    expect(await shown(port)).toBe(fingerprintOf(files.cert));
  });
});
