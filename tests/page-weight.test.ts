// What the page costs on the wire, from the outside: its first load, and the first game that it plays.

import { readdirSync, readFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { builtPage } from '../apps/cli/src/evaluator/built-page.ts';
import { precompress } from '../apps/evaluator/precompress.ts';
import { pageServer } from '../apps/server/src/page-server.ts';

let server: Server;
let folder: string;
let names: readonly string[];
beforeAll(async () => {
  folder = await builtPage();
  await precompress(folder);
  names = readdirSync(`${folder}/assets`).filter((name) => !/\.(?:br|gz)$/.test(name));
  server = await pageServer(folder);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // The best brotli of 14 MB takes a minute of a free core, once a machine.
}, 900_000);
afterAll(() => server.close());

/** Bytes of an answer's body as they come. */
const weigh = (path: string, encoding: string) =>
  new Promise<number>((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    request({ port, host: '127.0.0.1', path, headers: { 'accept-encoding': encoding } }, (response) => {
      expect(response.statusCode).toBe(200);
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => resolve(bytes));
    })
      .on('error', reject)
      .end();
  });
const weightOf = async (paths: readonly string[], encoding: string) =>
  (await Promise.all(paths.map((path) => weigh(path, encoding)))).reduce((sum, bytes) => sum + bytes, 0);

/** The one file of each beginning. */
const assets = (...beginnings: readonly string[]) =>
  beginnings.map((beginning) => {
    const found = names.filter((name) => name.replace(/-[\w-]{8}\./, '.') === beginning);
    expect(found, beginning).toHaveLength(1);
    return `/assets/${found[0]}`;
  });

/** What a file asks for before it runs: with the page itself, and of modules whatever they import at once. */
function withImports(paths: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (path: string) => {
    if (found.has(path)) return;
    found.add(path);
    if (!path.endsWith('.js')) return;
    for (const [, name] of readFileSync(folder + path, 'utf8').matchAll(/(?:from|import)\s*["'`]\.\/([\w.-]+)["'`]/g))
      visit(`/assets/${name}`);
  };
  paths.forEach(visit);
  return found;
}

it.each(['br', 'gzip'])('first loads in 160 kB by %s', async (encoding) => {
  const page = readFileSync(`${folder}/index.html`, 'utf8');
  const named = [...page.matchAll(/(?:src|href)="\.(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
  const paths = withImports([...named, ...assets('worker.js')]);
  // The page, its style and its icon, its script and the engine, and what these share with what comes later.
  expect(paths.size).toBeGreaterThan(5);
  expect(await weightOf(['/', ...paths], encoding)).toBeLessThanOrEqual(160_000);
});

it.each([
  ['br', 5_100_000],
  ['gzip', 6_500_000],
])('plays its first game after few more bytes by %s', async (encoding, most) => {
  const paths = assets(
    'make-chat-template.js',
    'ort.wasm.min.js',
    'ort-wasm-simd-threaded.mjs',
    'ort-wasm-simd-threaded.wasm',
    'model.safetensors',
    'config.json',
    'generation_config.json',
    'tokenizer.json',
    'tokenizer_config.json',
  );
  expect(await weightOf(paths, encoding)).toBeLessThanOrEqual(most);
});
