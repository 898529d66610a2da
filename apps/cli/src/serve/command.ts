// ludic serve: the HTTP service.

import { readFileSync } from 'node:fs';
import type { ServeOptions } from '@ludic/server';
import { Command, InvalidArgumentError, Option } from 'commander';
import { builtPage, precompressBeside } from '../evaluator/built-page.ts';
import { UsageError } from '../failure.ts';
import { offeredGamesOption } from '../game-files.ts';
import { deviceOption } from '../options/device.ts';
import { decimal, whole } from '../options/input.ts';

/** Of the server, those that have an option of their name. */
type SameOptions = Omit<
  ServeOptions,
  | 'version'
  | 'dataFolder'
  | 'hostNames'
  | 'origins'
  | 'admins'
  | 'passwordHash'
  | 'certificate'
  | 'key'
  | 'pageFolder'
  | 'logger'
>;

interface ServeCommand extends SameOptions {
  readonly data: string;
  readonly passwordFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly hostName: readonly string[];
  readonly allowOrigin: readonly string[];
  readonly admin: readonly string[];
  readonly page: boolean;
  /** Loaded before the command began. */
  readonly env: readonly string[];
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('Serve training, evaluation and rollouts over HTTP, behind a password')
    .option('--host <address>', 'Address to listen at; other machines need TLS or a proxy', '127.0.0.1')
    .option('--port <n>', 'Port to listen at; 0: any free port', whole(0), 8000)
    .option('--data <folder>', 'Folder of models, runs and jobs', 'ludic-data')
    .addOption(offeredGamesOption('Games to offer beside those of Ludic'))
    .addOption(deviceOption())
    .option('--threads <n>', 'Threads of one model on the CPU (default: one per core)', whole(1))
    .option(
      '--password-file <file>',
      'File with lines of name:hash, read again when it changes (or LUDIC_PASSWORD_HASH)',
    )
    .option('--tls-cert <file>', 'Certificate chain in PEM, with --tls-key; read again when it changes')
    .option('--tls-key <file>', 'Key of the certificate in PEM')
    .option(
      '--trust-proxy [networks]',
      'Trust the headers of an HTTPS proxy in these networks (default: this machine and private networks)',
    )
    .option('--assume-https', 'With --trust-proxy: assume HTTPS where the proxy does not send the scheme')
    .option('--host-name <name>', 'Accepted Host name, other names get 403; may be repeated', append, [])
    .option(
      '--function-hosts',
      'Serve an endpoint at / of its own host: NAME-start-training.…, …-evaluate-policy.…, …-generate-rollout.…, …-health-check.…',
    )
    .option('--public-url <url>', 'Address under which agents reach the server (default: where it listens)', httpUrl)
    .option('--allow-origin <origin>', 'Origin whose pages may call the server; may be repeated', append, [])
    .option('--max-concurrent-jobs <n>', 'Most jobs that run at once; others wait', whole(1), 1)
    .option('--admin <name>', 'Name of an admin, who sees and ends all jobs; may be repeated', append, [])
    .option('--share-models', 'Let every name see all models; jobs stay private')
    .addOption(
      new Option('--jobs-per-name <running,waiting>', 'Most running and waiting jobs of a name that is not an admin')
        .argParser(perName)
        .default(perName('2,10'), '2,10'),
    )
    .option('--job-timeout <seconds>', 'Longest time of a job; 0: no limit', decimal(0), 0)
    .option('--max-concurrent-requests <n>', 'Most evaluations, rollouts and chats at once; more get 429', whole(1), 10)
    .option(
      '--request-timeout <seconds>',
      'Longest time of an evaluation, rollout or chat that is no job; 0: no limit',
      decimal(0),
      600,
    )
    .option('--idle-timeout <seconds>', 'Idle time after which a model leaves memory', decimal(0), 300)
    .option('--no-page', 'Do not serve the page at /')
    .action(async (options: ServeCommand) => {
      // Only the server's own user may read its files and those of its jobs.
      process.umask(0o077);
      const { serve } = await import('@ludic/server');
      const pageFolder = options.page ? await builtPage() : undefined;
      const server = await serve({ ...settingsOf(options, process.env), pageFolder });
      // A signal may arrive as soon as the server reports that it listens.
      const asked = untilAsked();
      if (options.page) precompressBeside();
      process.stderr.write(`Ludic listens on ${server.url}; its description is at ${server.url}/docs.\n`);
      await asked;
      process.stderr.write('Saving jobs; ask again to stop at once.\n');
      await server.close();
    });
}

function perName(text: string): { readonly running: number; readonly queued: number } {
  const [, running, queued] = /^([1-9]\d{0,5}),(\d{1,6})$/.exec(text) ?? [];
  if (running === undefined || queued === undefined)
    throw new InvalidArgumentError('Two whole numbers are needed, such as 1,10: how many run, and how many wait.');
  return { running: Number(running), queued: Number(queued) };
}

function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  )
    throw new InvalidArgumentError('An address is needed, such as https://ludic.example.');
  return url.href.replace(/\/+$/, '');
}

const append = (value: string, before: readonly string[]) => [...before, value];

function settingsOf(
  { data, passwordFile, tlsCert, tlsKey, hostName, allowOrigin, admin, page: _, env: _env, ...same }: ServeCommand,
  environment: NodeJS.ProcessEnv,
): ServeOptions {
  if (same.assumeHttps && same.trustProxy === undefined)
    throw new UsageError('--assume-https says something of a proxy: give --trust-proxy too.');
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('--tls-cert and --tls-key belong together.');
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return {
    ...same,
    version,
    dataFolder: data,
    hostNames: hostName,
    origins: allowOrigin,
    admins: admin,
    passwordHash: environment.LUDIC_PASSWORD_HASH || undefined,
    passwordFile: (passwordFile ?? environment.LUDIC_PASSWORD_FILE) || undefined,
    certificate: tlsCert,
    key: tlsKey,
  };
}

/** Resolves at Ctrl-C or SIGTERM. A second signal ends the process at once. */
function untilAsked(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const ask = () => {
    clearInterval(orphaned);
    process.off('SIGINT', ask);
    process.off('SIGTERM', ask);
    resolve();
  };
  // npm dies of a signal without passing it on, so a server that npm started ends when its parent is gone.
  const parent = process.ppid;
  const orphaned = process.env.npm_lifecycle_event
    ? setInterval(() => process.ppid !== parent && ask(), 500).unref()
    : undefined;
  process.on('SIGINT', ask);
  process.on('SIGTERM', ask);
  return promise;
}
