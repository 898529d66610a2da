// Files of a model behind URLs and in picked folders give what the same files on disk give.

import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint, readTokenizer } from './index.ts';
import { openModelFolder } from './node.ts';
import { blobModelFiles, blobsOf, type FetchProgress, fetchModelFiles, pickedModelFiles } from './web.ts';

const NANO = fileURLToPath(new URL('../../nano/model/', import.meta.url));
const NAMES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
/** What is broken here stays so. */
const policy = { attempts: 2, firstPause: 1, longestPause: 1, longestWait: 1, idleTimeout: 1000 };
const bytesOf = (name: string) => readFileSync(`${NANO}${name}`);

let server: Server;
let origin = '';
const asked: string[] = [];
/** How a path is answered that is not simply a file. */
const odd: Record<string, (response: ServerResponse) => void> = {
  '/page/chat_template.jinja': (response) => response.setHeader('content-type', 'text/html').end('<p>not found</p>'),
  '/broken/config.json': (response) => response.writeHead(500).end(),
  '/cut/model.safetensors': (response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('half');
    setTimeout(() => response.destroy(), 20);
  },
  '/slow/config.json': (response) => response.writeHead(200).write('{'),
};

beforeAll(async () => {
  server = createServer(({ url }, response) => {
    asked.push(url!);
    const name = url!.split('/').at(-1)!;
    if (odd[url!]) odd[url!]!(response);
    else if (url!.startsWith('/nano/') && NAMES.includes(name)) {
      const bytes = bytesOf(name);
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('a model behind a URL', () => {
  it('is the model on disk, fetched once, with its progress', async () => {
    const progress: FetchProgress[] = [];
    const files = fetchModelFiles(`${origin}/nano`, { onProgress: (one) => progress.push(one) });
    asked.length = 0;
    expect(await readCheckpoint(files)).toEqual(await readCheckpoint(await openModelFolder(NANO)));
    expect((await readTokenizer(files)).encode('<move>5</move>')).toEqual(
      (await readTokenizer(await openModelFolder(NANO))).encode('<move>5</move>'),
    );
    expect(asked.filter((url) => url.endsWith('safetensors'))).toHaveLength(1);
    const weights = progress.filter(({ file }) => file === 'model.safetensors');
    const size = bytesOf('model.safetensors').length;
    expect(weights.at(-1)).toEqual({ file: 'model.safetensors', loaded: size, total: size });
    expect(weights.map(({ loaded }) => loaded)).toEqual(weights.map(({ loaded }) => loaded).sort((a, b) => a - b));
  });

  it('asks for no file that a list of URLs does not name', async () => {
    const files = fetchModelFiles({ 'config.json': `${origin}/nano/config.json` }, { name: 'listed' });
    asked.length = 0;
    expect(files.name).toBe('listed');
    expect(await files.read('config.json')).toEqual(new Uint8Array(bytesOf('config.json')));
    expect(await files.read('merges.txt')).toBeUndefined();
    expect(await files.read('toString')).toBeUndefined();
    expect(asked).toEqual(['/nano/config.json']);
  });

  it('has no file where the server has none, or answers with its page', async () => {
    expect(await fetchModelFiles(`${origin}/nano/`).read('merges.txt')).toBeUndefined();
    expect(await fetchModelFiles(`${origin}/page`).read('chat_template.jinja')).toBeUndefined();
  });

  it.each([
    ['broken', 'config.json', /answers 500/],
    ['cut', 'model.safetensors', /model\.safetensors could not be fetched/],
  ])('tells what a %s answer is', async (folder, file, message) => {
    await expect(fetchModelFiles(`${origin}/${folder}`, { policy }).read(file)).rejects.toMatchObject({
      code: 'not_fetched',
      message: expect.stringMatching(message),
    });
  });

  it('may be asked again after a failure', async () => {
    const files = fetchModelFiles(`${origin}/broken`, { policy });
    await expect(files.read('config.json')).rejects.toMatchObject({ code: 'not_fetched' });
    const answer = odd['/broken/config.json']!;
    odd['/broken/config.json'] = (response) => response.end('{}');
    expect(await files.read('config.json')).toEqual(new TextEncoder().encode('{}'));
    odd['/broken/config.json'] = answer;
  });

  it('stops at a signal', async () => {
    const controller = new AbortController();
    const reading = fetchModelFiles(`${origin}/slow`, { signal: controller.signal }).read('config.json');
    setTimeout(() => controller.abort(), 20);
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });
});

/** A file as a browser gives it after a folder was picked. */
const picked = (path: string, bytes: Uint8Array) =>
  Object.defineProperty(new File([new Uint8Array(bytes)], path.split('/').at(-1)!), 'webkitRelativePath', {
    value: path,
  });

describe('a picked folder', () => {
  it('is the model in it, wherever in the folder that lies', async () => {
    for (const folder of ['nano', 'run/final']) {
      const files = pickedModelFiles([
        picked(`${folder}/onnx/config.json`, new TextEncoder().encode('{}')),
        ...NAMES.map((name) => picked(`${folder}/${name}`, bytesOf(name))),
      ]);
      expect(files.name).toBe(folder);
      expect(await readCheckpoint(files)).toEqual(await readCheckpoint(await openModelFolder(NANO)));
    }
  });

  it('may be files without a folder', async () => {
    const files = pickedModelFiles(NAMES.map((name) => new File([new Uint8Array(bytesOf(name))], name)));
    expect((await readCheckpoint(files)).parameters).toBeDefined();
  });

  it('is refused without a model, and with several', () => {
    const config = (path: string) => picked(path, new TextEncoder().encode('{}'));
    expect(() => pickedModelFiles([])).toThrow(/has no config\.json/);
    expect(() => pickedModelFiles([picked('a/notes.txt', new Uint8Array(1))])).toThrow(/has no config\.json/);
    expect(() => pickedModelFiles([config('run/a/config.json'), config('run/b/config.json')])).toThrow(
      /one of the folders run\/a, run\/b/,
    );
  });

  it('tells that a file is cut off', async () => {
    const files = pickedModelFiles([
      picked('a/config.json', bytesOf('config.json')),
      picked('a/model.safetensors', bytesOf('model.safetensors').subarray(0, 100_000)),
    ]);
    await expect(readCheckpoint(files)).rejects.toMatchObject({ name: 'ModelError', message: /model\.safetensors/ });
  });
});

it('keeps files as blobs', async () => {
  const blobs = blobsOf(
    new Map<string, string | Uint8Array | Iterable<Uint8Array>>([
      ['a', 'text'],
      ['b', Uint8Array.of(1, 2)],
      ['c', [Uint8Array.of(3), Uint8Array.of(4)]],
    ]),
  );
  const files = blobModelFiles('kept', (file) => blobs.get(file));
  expect(await files.read('a')).toEqual(new TextEncoder().encode('text'));
  expect(await files.read('b')).toEqual(Uint8Array.of(1, 2));
  expect(await files.read('c')).toEqual(Uint8Array.of(3, 4));
  expect(await files.read('d')).toBeUndefined();
});
