// The container, its compose file and the systemd unit: what is written in them is checked, and their commands are run, as
// far as that goes without a container engine: in an empty folder, with nothing but what the image would hold.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { environmentOf, isIgnored, parseDockerfile, problemsOf, type Stage } from '../deploy/testing/dockerfile.ts';
import {
  call,
  endAll,
  freePort,
  isHealthy,
  PLAIN,
  passwordHash,
  ROLLOUT,
  ROOT,
  type Started,
  start,
  until,
} from './deploying.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const DOCKERFILE = read('deploy/docker/Dockerfile');
const IGNORED = read('deploy/docker/Dockerfile.dockerignore');
const HTTPS = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' };

let scratch = '';
let hash = '';
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'ludic-deploy-'));
  hash = passwordHash();
});
afterAll(() => {
  endAll();
  rmSync(scratch, { recursive: true, force: true });
}, 120_000);

const wordsOf = (stage: Stage, keyword: string) =>
  stage.instructions.findLast((each) => each.keyword === keyword)!.words;

describe('the Dockerfile', () => {
  it('has no fault that its checks know', () => {
    expect(problemsOf(DOCKERFILE, IGNORED, ROOT)).toEqual([]);
  });

  it('the checks see what is wrong', () => {
    const broken = (from: string | RegExp, to: string, ignored = IGNORED) => {
      const text = DOCKERFILE.replace(from, to);
      expect(text + ignored).not.toBe(DOCKERFILE + IGNORED);
      return problemsOf(text, ignored, ROOT);
    };
    expect(broken('COPY apps apps', 'COPY applications apps')).toEqual(['applications does not exist']);
    expect(broken('--from=build', '--from=builder')).toEqual(['there is no stage builder']);
    expect(broken('USER node\n', '')).toEqual(['it runs as root']);
    expect(broken('USER node', 'USER 0:0')).toEqual(['it runs as root']);
    expect(broken('USER node', 'USER node\nRUN true')).toEqual(['something is made after the user was changed']);
    expect(broken(/^HEALTHCHECK[^\n]*\n[^\n]*\n/m, '')).toEqual(['there is no HEALTHCHECK']);
    expect(broken(/^CMD .*$/m, 'CMD serve --port 8000')).toEqual(['CMD is no JSON array']);
    expect(broken('FROM node:24.21.0-bookworm-slim AS', 'FROM node AS')).toEqual(['node names no version']);
    expect(broken('--no-install-recommends ', '')).toEqual(['apt-get installs what is only recommended']);
    expect(broken('COPY', 'COPY', IGNORED.replace('!packages', ''))).toEqual(['packages is ignored']);
    expect(() => parseDockerfile('FROM a:1\nCOPPY b c')).toThrow('no instruction: COPPY b c');
  });

  it('takes the Node that the repository pins, as Modal does, and one port throughout', () => {
    const { devDependencies } = JSON.parse(read('package.json'));
    const image = `node:${devDependencies.node}-bookworm-slim`;
    const stages = parseDockerfile(DOCKERFILE);
    expect(stages.map(({ base }) => base)).toEqual([image, image]);
    expect(read('deploy/modal/app.py')).toContain(`NODE_IMAGE = "${image}"`);
    const final = stages.at(-1)!;
    const port = wordsOf(final, 'EXPOSE')[0]!;
    expect(wordsOf(final, 'CMD').join(' ')).toContain(`--port ${port} `);
    expect(wordsOf(final, 'HEALTHCHECK').join(' ')).toContain(`:${port}/health-check`);
    expect(wordsOf(final, 'CMD').join(' ')).toContain(`--data ${wordsOf(final, 'VOLUME')[0]} `);
  });
});

describe('the image, put together in an empty folder', () => {
  let app = '';
  let server: Started;
  let base = '';
  let place: (text: string) => string;
  const final = parseDockerfile(DOCKERFILE).at(-1)!;

  /** Does what the stages say with files, in `scratch` instead of `/`. */
  function build(): void {
    for (const stage of parseDockerfile(DOCKERFILE)) {
      for (const { keyword, flags, words, text } of stage.instructions) {
        const isOurs = text.includes('deploy/build.sh') || text.startsWith('touch');
        if (keyword === 'COPY' && flags.from === undefined) copy(words.slice(0, -1), words.at(-1)!);
        if (keyword === 'RUN' && isOurs) execFileSync('sh', ['-ec', text], { cwd: app, stdio: 'pipe' });
      }
    }
  }

  function copy(sources: readonly string[], target: string): void {
    for (const source of sources) {
      const to = target.startsWith('/') ? join(scratch, target) : join(app, target, target.endsWith('/') ? source : '');
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(ROOT, source), to, {
        recursive: true,
        preserveTimestamps: true,
        filter: (path) => !isIgnored(relative(ROOT, path), IGNORED),
      });
    }
  }

  const find = (...args: readonly string[]) =>
    execFileSync('find', [app, ...args], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
      .sort();
  /** Ours, each with its size and when it was written. */
  const files = () => find('-name', 'node_modules', '-prune', '-o', '-type', 'f', '-printf', '%P %s %T@\n');

  const health = () => {
    const [command, ...args] = wordsOf(final, 'HEALTHCHECK').map(place);
    return spawnSync(command!, args, { env: PLAIN }).status;
  };

  beforeAll(async () => {
    app = join(scratch, 'app');
    mkdirSync(app);
    build();
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    place = (text) =>
      text
        .replaceAll('8000', `${port}`)
        .replace(/^\/app\//, `${app}/`)
        .replace(/^\/data/, join(scratch, 'data'));
  }, 600_000);

  it('holds no tests, no tools of development and no libraries of other systems', () => {
    expect(existsSync(join(app, 'node_modules/.pnpm'))).toBe(true);
    const installed = readdirSync(join(app, 'node_modules/.pnpm')).map((name) => name.replace(/@[^@]*$/, ''));
    for (const tool of ['vitest', 'vite', 'typescript', 'node', 'playwright-core'])
      expect(installed).not.toContain(tool);
    expect(installed.join(' ')).toContain('onnxruntime-node');
    expect(files().length).toBeGreaterThan(300);
    expect(files().filter((line) => line.includes('.test.'))).toEqual([]);
    const systems = find('-path', '*/onnxruntime-node/bin/*', '-type', 'd', '-mindepth', '2');
    expect(systems.filter((path) => path.endsWith('/linux'))).toHaveLength(1);
    expect(systems.filter((path) => /darwin|win32/.test(path))).toEqual([]);
  });

  it('serves the contract behind a proxy, writes nowhere but into its data folder, and stops when asked', async () => {
    const before = files();
    const [command, ...args] = [...wordsOf(final, 'ENTRYPOINT'), ...wordsOf(final, 'CMD')].map(place);
    const env = { ...PLAIN, ...environmentOf(final), HF_HOME: join(scratch, 'data/huggingface') };
    expect(health()).toBe(1);
    server = start(command!, args, { cwd: app, env: { ...env, LUDIC_PASSWORD_HASH: hash } });
    await until('the server answers', () => isHealthy(base));
    expect(health()).toBe(0);

    expect(await call(base, '/generate-rollout', ROLLOUT)).toMatchObject({
      status: 400,
      body: { error: { code: 'https_required' } },
    });
    expect((await call(base, '/generate-rollout', ROLLOUT, HTTPS)).status).toBe(200);
    const stranger = { ...HTTPS, Authorization: 'Bearer wrong' };
    expect((await call(base, '/generate-rollout', ROLLOUT, stranger)).status).toBe(401);
    const page = await fetch(base, { headers: HTTPS });
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);

    server.process.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(health()).toBe(1);
    expect(files()).toEqual(before);
    expect(readdirSync(join(scratch, 'data'))).toContain('ludic.db');
  });

  it('without a password it does not start and says why', async () => {
    const [command, ...args] = [...wordsOf(final, 'ENTRYPOINT'), ...wordsOf(final, 'CMD')].map(place);
    const refused = start(command!, args, { cwd: app, env: { ...PLAIN, ...environmentOf(final) } });
    expect(await refused.ended).toBe(2);
    expect(refused.output()).toContain('hash-password');
  });
});

describe('the compose files', () => {
  /** The keys of the Compose specification that are in use here. */
  const SERVICE =
    'build image init restart stop_grace_period read_only cap_drop security_opt mem_limit environment secrets volumes tmpfs expose depends_on command ports deploy'.split(
      ' ',
    );
  interface Service {
    readonly build?: { readonly context: string; readonly dockerfile: string };
    readonly command?: readonly string[];
    readonly volumes?: readonly string[];
    readonly secrets?: readonly string[];
    readonly expose?: readonly string[];
    readonly ports?: readonly string[];
    readonly stop_grace_period?: string;
    readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  }
  interface Compose {
    readonly services: Readonly<Record<string, Service>>;
    readonly volumes?: object;
    readonly secrets?: object;
  }
  const FOLDER = join(ROOT, 'deploy/docker');

  function problems(compose: Compose): string[] {
    const found: string[] = [];
    for (const key of Object.keys(compose))
      if (!['name', 'services', 'volumes', 'secrets', 'networks'].includes(key)) found.push(`unknown: ${key}`);
    for (const [name, service] of Object.entries(compose.services)) {
      for (const key of Object.keys(service)) if (!SERVICE.includes(key)) found.push(`unknown: ${name}.${key}`);
      for (const volume of service.volumes ?? [])
        if (!Object.hasOwn(compose.volumes ?? {}, volume.split(':')[0]!)) found.push(`no volume ${volume}`);
      for (const secret of service.secrets ?? [])
        if (!Object.hasOwn(compose.secrets ?? {}, secret)) found.push(`no secret ${secret}`);
      for (const other of Object.keys(service.depends_on ?? {}))
        if (!Object.hasOwn(compose.services, other)) found.push(`no service ${other}`);
      if (service.build && !existsSync(join(FOLDER, service.build.context, service.build.dockerfile)))
        found.push(`no file ${service.build.dockerfile}`);
      const to = service.command?.[service.command.indexOf('--to') + 1];
      const [host = '', port = ''] = to?.split(':') ?? [];
      if (to && !compose.services[host]?.expose?.includes(port)) found.push(`nothing at ${to}`);
    }
    return found;
  }

  const text = read('deploy/docker/compose.yaml');

  it('name nothing that is not there', () => {
    const compose: Compose = parse(text);
    expect(problems(compose)).toEqual([]);
    expect(problems(parse(read('deploy/docker/compose.gpu.yaml')))).toEqual([]);
    for (const [from, to, problem] of [
      ['--to", "ludic:8000', '--to", "ludic:80', 'nothing at ludic:80'],
      ['- data:/data', '- date:/data', 'no volume date:/data'],
      ['init: true', 'initialise: true', 'unknown: ludic.initialise'],
      ['dockerfile: deploy/docker/Dockerfile', 'dockerfile: Dockerfile', 'no file Dockerfile'],
    ] as const)
      expect(problems(parse(text.replace(from, to)))).toEqual([problem]);
  });

  it('open only the proxy to others, give jobs time to save, and need no variable', () => {
    const { services } = parse(text) as Compose;
    expect(Object.keys(services).filter((name) => services[name]!.ports)).toEqual(['proxy']);
    expect(Number.parseInt(services.ludic!.stop_grace_period!, 10)).toBeGreaterThanOrEqual(130);
    const variables = text.split('\n').filter((line) => !line.startsWith('#') && line.includes('$'));
    expect(variables.length).toBeGreaterThan(3);
    for (const line of variables) expect(line).toMatch(/\$\{[A-Z_]+:-[^}]*\}/);
  });
});

describe('the systemd unit', () => {
  const unit = read('deploy/systemd/ludic.service');
  const settings = new Map(
    unit
      .split('\n')
      .filter((line) => /^\w+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

  it('is well formed, has the three sections, and is as systemd wants it where systemd is', () => {
    for (const line of unit.split('\n')) expect(line).toMatch(/^$|^#|^\[(Unit|Service|Install)\]$|^[A-Z]\w+=/);
    expect(unit.match(/^\[\w+\]$/gm)).toEqual(['[Unit]', '[Service]', '[Install]']);
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) return;
    const check = (text: string) => {
      const path = join(scratch, 'ludic.service');
      writeFileSync(path, text.replaceAll('/opt/ludic', ROOT));
      const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
      return `${stdout}${stderr}`.split('\n').filter((line) => line.includes('ludic.service'));
    };
    expect(check(unit)).toEqual([]);
    expect(check(unit.replace('ProtectSystem=', 'ProtectSystems=')).join()).toContain('ProtectSystems');
  });

  it('has one user and one folder to write to, and gives jobs their time to save', () => {
    expect(settings.get('DynamicUser')).toBe('yes');
    expect(settings.get('ProtectSystem')).toBe('strict');
    expect(settings.get('NoNewPrivileges')).toBe('yes');
    expect(settings.get('CapabilityBoundingSet')).toBe('');
    expect(settings.get('ExecStart')).toContain(`--data /var/lib/${settings.get('StateDirectory')} `);
    expect(Number(settings.get('TimeoutStopSec'))).toBeGreaterThanOrEqual(130);
    // A job that is out of memory is no reason to end the server.
    expect(settings.get('OOMPolicy')).toBe('continue');
  });

  it('its command serves with its environment file, and a restart would not help where settings are wrong', async () => {
    const port = await freePort();
    const base = `http://127.0.0.1:${port}`;
    const given = read('deploy/systemd/ludic.env').replace('LUDIC_PASSWORD_HASH=', `LUDIC_PASSWORD_HASH=${hash}`);
    const run = (text: string) => {
      const lines = text.split('\n').filter((line) => /^\w+=/.test(line));
      const env = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2) as [string, string]));
      // systemd splits $NAME, a word of its own, at spaces.
      const command = settings
        .get('ExecStart')!
        .replace('$LUDIC_OPTIONS', env.LUDIC_OPTIONS!.replace('8000', `${port}`));
      const [executable, ...args] = `${command} --no-page`
        .split(' ')
        .map((word) => word.replace('/opt/ludic', ROOT).replace('/var/lib', join(scratch, 'state')));
      return start(executable!, args, { cwd: ROOT, env: { ...env, HF_HOME: join(scratch, 'state/huggingface') } });
    };
    const server = run(given);
    await until('the server answers', () => isHealthy(base));
    expect((await call(base, '/generate-rollout', ROLLOUT)).status).toBe(200);
    server.process.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    const refused = run(read('deploy/systemd/ludic.env'));
    expect(`${await refused.ended}`).toBe(settings.get('RestartPreventExitStatus'));
  });
});
