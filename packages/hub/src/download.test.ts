// Models of the Hub, against a server on this machine: what is asked, what is kept, and what is said when it fails.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ModelErrorCode, readCheckpoint } from '@ludic/models';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinyGguf } from '../../models/testing/tiny-gguf.ts';
import { type Asked, type Fault, HubServer } from '../testing/hub-server.ts';
import {
  type HubErrorCode,
  type HubEvent,
  lookAtHubModel,
  openHubModel,
  parseReference,
  readHubSettings,
} from './index.ts';

const NANO = fileURLToPath(new URL('../../nano/model', import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`../../models/fixtures/${name}`, import.meta.url));
const PROGRAM = fileURLToPath(new URL('../testing/fetch-model.ts', import.meta.url));
const POLICY = { attempts: 4, firstPause: 1, longestPause: 2000, longestWait: 2000, idleTimeout: 1500 };

let hub: HubServer;
let home = '';
beforeEach(async () => {
  hub = await HubServer.start();
  home = await mkdtemp(join(tmpdir(), 'ludic-hub-'));
});
afterEach(async () => {
  await hub.close();
  await rm(home, { recursive: true, force: true });
});

const environment = (more: Readonly<Record<string, string>> = {}) => ({
  HF_HOME: home,
  HF_ENDPOINT: hub.endpoint,
  ...more,
});

async function fetchModel(name = 'org/nano', more: Readonly<Record<string, string>> = {}) {
  const events: HubEvent[] = [];
  const settings = await readHubSettings(environment(more));
  const files = await openHubModel(parseReference(name)!, settings, {
    policy: POLICY,
    onEvent: (event) => events.push(event),
  });
  return { files, events };
}

const expectFailure = (code: HubErrorCode | ModelErrorCode, message: RegExp, work = fetchModel()) =>
  expect(work).rejects.toMatchObject({ code, message: expect.stringMatching(message) });

const repoFolder = () => join(home, 'hub', 'models--org--nano');
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const weights = () => hub.repos.get('org/nano')!.files.get('model.safetensors')!;
const incomplete = () => join(repoFolder(), 'blobs', `${sha256(weights())}.incomplete`);

/** Fails the transfers of the weights, one fault for each. */
function failTransfers(...faults: readonly (Fault | undefined)[]) {
  const left = [...faults];
  hub.fault = ({ server, method }) => (server === 'storage' && method === 'GET' ? left.shift() : undefined);
}
const ranges = () => hub.asked.filter(({ server }) => server === 'storage').map(({ range }) => range);

function inProcess(name: string): { readonly process: ChildProcess; readonly output: Promise<string> } {
  const child = spawn(process.execPath, [PROGRAM, name], { env: { PATH: process.env.PATH, ...environment() } });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  return { process: child, output: new Promise((resolve) => child.on('close', () => resolve(text))) };
}

describe('a model of the Hub', () => {
  it('comes into the cache that Python shares: blobs by checksum, links, and what main stood for', async () => {
    const { commit, files } = hub.publish('org/nano', NANO);
    const model = await fetchModel();
    expect(model.files.name).toBe('org/nano');
    for (const [name, data] of files) {
      expect(Buffer.from((await model.files.read(name))!).equals(data), name).toBe(true);
      const link = join(repoFolder(), 'snapshots', commit, name);
      expect((await lstat(link)).isSymbolicLink()).toBe(true);
      expect(await readlink(link)).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{40,64}$/);
    }
    expect(await readFile(join(repoFolder(), 'refs', 'main'), 'utf8')).toBe(commit);
    expect(await readdir(join(repoFolder(), 'blobs'))).toHaveLength(files.size);
    expect(await readdir(join(repoFolder(), 'blobs'))).toContain(sha256(weights()));
    expect(Object.keys((await readCheckpoint(model.files)).parameters).length).toBeGreaterThan(10);
  });

  it('is not transferred again', async () => {
    hub.publish('org/nano', NANO);
    await fetchModel();
    const before = hub.transfers.length;
    const { events } = await fetchModel();
    expect(hub.transfers).toHaveLength(before);
    expect(events).toEqual([]);
    // Nor where only another file has changed.
    const { files, commit } = hub.publish('org/nano', NANO, { 'generation_config.json': '{"changed":true}' });
    await fetchModel();
    expect(hub.transfers).toHaveLength(before + 1);
    expect(files.size).toBe(5);
    expect(await readFile(join(repoFolder(), 'refs', 'main'), 'utf8')).toBe(commit);
  });

  it('is used as another program has put it into the cache', async () => {
    const { commit, files } = hub.publish('org/nano', NANO);
    const snapshot = join(repoFolder(), 'snapshots', commit);
    await mkdir(snapshot, { recursive: true });
    for (const [name, data] of files) await writeFile(join(snapshot, name), data);
    await fetchModel();
    expect(hub.transfers).toEqual([]);
  });

  it('leaves out other forms of the weights and files for other frameworks', async () => {
    const more = Object.fromEntries(
      ['pytorch_model.bin', 'tf_model.h5', 'flax_model.msgpack', 'README.md', 'vocab.json', 'model.onnx'].map(
        (name) => [name, name],
      ),
    );
    const { commit } = hub.publish('org/nano', NANO, { ...more, 'chat_template.jinja': 'x' });
    await fetchModel();
    expect((await readdir(join(repoFolder(), 'snapshots', commit))).sort()).toEqual([
      'chat_template.jinja',
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
  });

  it.each(['llama-tiny-sharded', 'gpt2-tiny-bin'])('comes with all that %s needs', async (name) => {
    hub.publish('org/other', fixture(name));
    const { files, events } = await fetchModel('org/other');
    await readCheckpoint(files);
    const last = events.at(-1)!;
    expect(last).toMatchObject({ state: 'done', all: { bytes: expect.any(Number) } });
    if (last.type === 'file') expect(last.all.bytes).toBe(last.all.size);
  });

  it('can be one GGUF file of several', async () => {
    const gguf = await tinyGguf();
    hub.publish('org/quantized', undefined, { 'a.gguf': gguf, 'b.gguf': 'x', 'README.md': 'x' });
    const { files, events } = await fetchModel('org/quantized/a.gguf');
    expect(files.name).toBe('org/quantized/a.gguf');
    expect((await readCheckpoint(files)).config.family).toBe('llama');
    expect(new Set(events.map((event) => event.type === 'file' && event.file))).toEqual(new Set(['a.gguf']));
    const settings = await readHubSettings(environment());
    expect(await lookAtHubModel(parseReference('org/quantized/b.gguf')!, settings)).toBe(1);
    expect(await lookAtHubModel(parseReference('org/quantized/a.gguf')!, settings)).toBe(0);
    await expectFailure(
      'not_a_model',
      /several|in GGUF alone \(a\.gguf, b\.gguf\).*own path/,
      fetchModel('org/quantized'),
    );
    const absent = /no such file \(GGUF files in it: a\.gguf, b\.gguf\)/;
    await expectFailure('not_a_model', absent, fetchModel('org/quantized/c.gguf'));
  });

  it('needs no name of a GGUF file that is alone', async () => {
    hub.publish('org/quantized', undefined, { 'a.gguf': await tinyGguf() });
    expect((await readCheckpoint((await fetchModel('org/quantized')).files)).config.family).toBe('llama');
  });

  it('can be of a revision', async () => {
    const { commit } = hub.publish('org/nano', NANO);
    expect((await fetchModel(`org/nano@${commit}`)).files.name).toBe(`org/nano@${commit}`);
    expect(existsSync(join(repoFolder(), 'refs'))).toBe(false);
    await expectFailure('revision_not_found', /org\/nano has no revision v2/, fetchModel('org/nano@v2'));
  });
});

describe('a transfer that breaks', () => {
  beforeEach(() => void hub.publish('org/nano', NANO));

  it('goes on where it stopped', async () => {
    failTransfers({ kind: 'cut', after: 1_000_000 }, undefined);
    await fetchModel();
    expect(ranges()).toEqual([undefined, expect.stringMatching(/^bytes=\d{5,}-$/)]);
    expect(existsSync(incomplete())).toBe(false);
  });

  it('is given up when it breaks again and again, and keeps what has arrived', async () => {
    failTransfers(...Array.from({ length: POLICY.attempts }, () => ({ kind: 'cut', after: 100_000 }) as const));
    await expectFailure('cut_off', /again and again: \d+ of \d+ bytes of model\.safetensors are here and kept/);
    expect(ranges()).toHaveLength(POLICY.attempts);
    const kept = (await stat(incomplete())).size;
    expect(kept).toBeGreaterThan(100_000);
    await fetchModel();
    expect(ranges().at(-1)).not.toBeUndefined();
  });

  it('is not given up while enough arrives', async () => {
    hub.publish('org/nano', NANO, { 'model.safetensors': 'x'.repeat(9_000_000) });
    failTransfers(...Array.from({ length: 6 }, () => ({ kind: 'cut', after: 1_300_000 }) as const));
    await fetchModel();
    expect(ranges()).toHaveLength(7);
  });

  it('counts silence as a break', async () => {
    failTransfers({ kind: 'silence', after: 500_000 }, undefined);
    await fetchModel();
    expect(ranges()[1]).toMatch(/^bytes=/);
  });

  it('begins again where the server gives no parts', async () => {
    failTransfers({ kind: 'cut', after: 1_000_000 }, { kind: 'whole' });
    await fetchModel();
    expect(ranges()).toHaveLength(2);
  });

  it('throws away what an earlier one has left when it is wrong', async () => {
    await mkdir(join(repoFolder(), 'blobs'), { recursive: true });
    await writeFile(incomplete(), 'not what the file begins with');
    await fetchModel();
    expect(ranges()).toEqual(['bytes=29-', undefined]);
  });

  it('waits as long as a server with too many requests asks, within bounds', async () => {
    failTransfers({ kind: 'status', status: 429, headers: { 'retry-after': '1' } }, undefined);
    await fetchModel();
    expect(ranges()).toHaveLength(2);
    await rm(home, { recursive: true });
    failTransfers({ kind: 'status', status: 429, headers: { ratelimit: '"resolvers";r=0;t=290' } });
    await expectFailure('rate_limited', /too many requests from here. Try again in 290 s; with HF_TOKEN/);
    expect(ranges()).toHaveLength(3);
  });

  it('outlasts faults of the server, within bounds', async () => {
    const broken = { kind: 'status', status: 503 } as const;
    failTransfers(broken, broken, undefined);
    await fetchModel();
    hub.fault = () => broken;
    await rm(home, { recursive: true });
    await expectFailure('server_fault', /answers with status 503/);
  });

  it('never leaves wrong bytes in the cache', async () => {
    hub.fault = ({ path }) => (path.endsWith('/tokenizer.json') ? { kind: 'damage' } : undefined);
    await expectFailure('bad_checksum', /tokenizer\.json from/);
    hub.fault = ({ server }) => (server === 'storage' ? { kind: 'damage' } : undefined);
    await expectFailure('bad_checksum', /model\.safetensors from 127\.0\.0\.1:\d+ is damaged/);
    const good = [...hub.repos.get('org/nano')!.files.values()].map((data) => data.length);
    for (const name of await readdir(join(repoFolder(), 'blobs'))) {
      expect(name).not.toMatch(/incomplete/);
      expect(good).toContain((await stat(join(repoFolder(), 'blobs', name))).size);
    }
    hub.fault = () => undefined;
    await fetchModel();
  });

  it('says so when the disk is full', async () => {
    hub.repos
      .get('org/nano')!
      .claims.push({ type: 'file', path: 'chat_template.jinja', size: 10 ** 15, oid: 'a'.repeat(40) });
    await expectFailure('disk_full', /org\/nano takes 10+\d+ bytes and the disk of .* left/);
    expect(hub.transfers).toEqual([]);
  });

  it.skipIf(!existsSync('/dev/full'))('says so when the disk becomes full', async () => {
    await mkdir(join(repoFolder(), 'blobs'), { recursive: true });
    await symlink('/dev/full', incomplete());
    await expectFailure('disk_full', /The disk of .* is full/);
  });
});

describe('refusals', () => {
  beforeEach(() => void hub.publish('org/nano', NANO));
  const refuse = (status: number, headers: Readonly<Record<string, string>> = {}) => {
    hub.fault = ({ path }) => (path.startsWith('/api/') ? { kind: 'status', status, headers } : undefined);
  };

  it('say what to do about a model that is not public', async () => {
    refuse(401, { 'x-error-code': 'RepoNotFound' });
    await expectFailure('unauthorized', /no public model org\/nano .* set HF_TOKEN to a token that may read it/);
    await expectFailure('unauthorized', /does not accept the token/, fetchModel('org/nano', { HF_TOKEN: 'hf_old' }));
  });

  it('say what to do about a model whose licence is to be accepted', async () => {
    refuse(401, { 'x-error-code': 'GatedRepo' });
    await expectFailure('gated', /Accept its terms at http.*\/org\/nano, then set HF_TOKEN/);
    refuse(403, { 'x-error-code': 'GatedRepo' });
    const work = fetchModel('org/nano', { HF_TOKEN: 'hf_mine' });
    await expectFailure('gated', /with the account that HF_TOKEN belongs to/, work);
  });

  it('say what a token may not do', async () => {
    refuse(403, { 'x-error-message': 'fine-grained' });
    await expectFailure(
      'forbidden',
      /may not read org\/nano \(fine-grained\)/,
      fetchModel('org/nano', { HF_TOKEN: 'hf_x' }),
    );
  });

  it('say that there is no such model, or no model in it', async () => {
    await expectFailure('repository_not_found', /There is no model org\/none/, fetchModel('org/none'));
    hub.publish('org/empty', fixture('adapters'));
    await expectFailure('not_a_model', /org\/empty is no model/, fetchModel('org/empty'));
    hub.fault = ({ path }) =>
      path.includes('/resolve/')
        ? { kind: 'status', status: 404, headers: { 'x-error-code': 'EntryNotFound' } }
        : undefined;
    await expectFailure('entry_not_found', /A file of org\/nano is gone/);
  });

  it('say that something else than the Hub answers', async () => {
    hub.fault = () => ({ kind: 'status', status: 200, body: '<html>' });
    await expectFailure('bad_answer', /does not answer as the Hub does/);
  });
});

describe('without a network', () => {
  /** An address where no server answers any more. */
  let nowhere = { HF_ENDPOINT: '' };
  beforeEach(async () => {
    const gone = await HubServer.start();
    nowhere = { HF_ENDPOINT: gone.endpoint };
    await gone.close();
  });

  it('a model of the cache is used', async () => {
    hub.publish('org/nano', NANO);
    await fetchModel();
    const before = hub.asked.length;
    expect((await fetchModel('org/nano', { HF_HUB_OFFLINE: '1' })).events).toEqual([]);
    expect(hub.asked).toHaveLength(before);
    const { events } = await fetchModel('org/nano', nowhere);
    expect(events).toEqual([
      { type: 'note', message: expect.stringMatching(/cannot be reached.*copy .* cache is used/) },
    ]);
  });

  it('any other is not, and it says so', async () => {
    hub.publish('org/nano', NANO);
    await expectFailure(
      'offline',
      /not in the cache .* HF_HUB_OFFLINE/,
      fetchModel('org/nano', { HF_HUB_OFFLINE: 'yes' }),
    );
    await expectFailure(
      'offline',
      /cannot be reached \(ECONNREFUSED\).*not in the cache/,
      fetchModel('org/nano', nowhere),
    );
  });

  it('half a model is none', async () => {
    const { commit } = hub.publish('org/nano', NANO);
    await fetchModel();
    await rm(join(repoFolder(), 'snapshots', commit, 'model.safetensors'));
    await expectFailure('offline', /not in the cache/, fetchModel('org/nano', { HF_HUB_OFFLINE: '1' }));
  });
});

describe('what a server cannot do', () => {
  it('see the token, if it is not the Hub', async () => {
    hub.publish('org/nano', NANO);
    await fetchModel('org/nano', { HF_TOKEN: 'hf_secret' });
    const seen = (server: Asked['server']) =>
      new Set(hub.asked.filter((asked) => asked.server === server).map((asked) => asked.authorization));
    expect(seen('hub')).toEqual(new Set(['Bearer hf_secret']));
    expect(seen('storage')).toEqual(new Set([undefined]));
  });

  it.each(['../x', '/etc/x', 'a/../../x', 'C:\\x', '..\\x', ''])('write to a file named %j', async (path) => {
    hub.publish('org/nano', NANO).claims.push({ type: 'file', path, size: 1, oid: 'a'.repeat(40) });
    await expectFailure('bad_answer', /a file named/);
    expect(await readdir(home)).toEqual([]);
  });

  it('write elsewhere by a commit or a checksum', async () => {
    const repo = hub.publish('org/nano', NANO);
    repo.claims.push({ type: 'file', path: 'chat_template.jinja', size: 1, oid: '../../x' });
    await expectFailure('bad_answer', /the checksum \.\.\/\.\.\/x/);
    repo.commit = '../../x';
    await expectFailure('bad_answer', /the commit \.\.\/\.\.\/x/);
  });

  it('name shards outside the folder', async () => {
    hub.publish('org/nano', fixture('llama-tiny-sharded'), {
      'model.safetensors.index.json': '{"weight_map":{"a":"../x"}}',
    });
    await expectFailure('bad_tensors', /names the file \.\.\/x outside the folder/);
  });
});

describe('several processes', () => {
  it('fetch each file once between them', async () => {
    hub.publish('org/nano', NANO);
    const outputs = await Promise.all([inProcess('org/nano').output, inProcess('org/nano').output]);
    for (const output of outputs) expect(output).toMatch(new RegExp(`org/nano ${weights().length}\n$`));
    expect(hub.transfers.filter(({ server }) => server === 'storage')).toHaveLength(1);
    expect(sha256(await readFile(join(repoFolder(), 'blobs', sha256(weights()))))).toBe(sha256(weights()));
  });

  it('go on where one was killed', async () => {
    hub.publish('org/nano', NANO);
    failTransfers({ kind: 'silence', after: 1_500_000 }, undefined);
    const first = inProcess('org/nano');
    while (!existsSync(incomplete()) || (await stat(incomplete())).size < 500_000)
      await new Promise((resolve) => setTimeout(resolve, 20));
    first.process.kill('SIGKILL');
    await first.output;
    await fetchModel();
    expect(ranges()[1]).toMatch(/^bytes=\d{6,}-$/);
  });
});
