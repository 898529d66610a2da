// The server's own certificate and key, read from files and checked before they are used.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { FileWatch, type OnFileNews } from '../file-watch.ts';
import { StartupError } from '../startup-error.ts';

export interface TlsFiles {
  /** PEM, the server's certificate first, then those that lead to the root. */
  readonly cert: string;
  /** PEM, without a passphrase. */
  readonly key: string;
}

/** What the files hold. */
interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

const CHECK_EVERY_MS = 60_000;

/**
 * The pair, which is read again when its files change; new connections get the new one.
 * @throws StartupError `bad_certificate`, naming the file; never with what stands in it
 */
export const watchTls = (
  files: TlsFiles,
  everyMs = CHECK_EVERY_MS,
  onNews: OnFileNews = () => {},
): Promise<FileWatch<TlsPair>> =>
  FileWatch.open({
    files: [files.cert, files.key],
    everyMs,
    read: () => readTls(files),
    changed: () => `${files.cert} was read again: new connections get the new certificate.`,
    kept: (error) => `${(error as Error).message} The certificate from before is used until new files fit.`,
    onNews,
  });

async function readTls({ cert, key }: TlsFiles): Promise<TlsPair> {
  const [certBytes, keyBytes] = [await read('certificate', cert), await read('key', key)];
  const certificate = parse(
    `${cert} holds no certificate in PEM. Is it the right file?`,
    () => new X509Certificate(certBytes),
  );
  const privateKey = parse(`${key} holds no private key in PEM that opens without a passphrase.`, () =>
    createPrivateKey(keyBytes),
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw bad(`The key in ${key} does not belong to the certificate in ${cert}.`);
  if (Date.parse(certificate.validTo) < Date.now())
    throw bad(`The certificate in ${cert} ended on ${certificate.validTo}. Get a new one.`);
  parse(`The certificate in ${cert} cannot be used for TLS. Is it strong enough?`, () =>
    createSecureContext({ cert: certBytes, key: keyBytes }),
  );
  return { cert: certBytes, key: keyBytes };
}

async function read(what: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw bad(`The ${what} ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function parse<T>(sentence: string, make: () => T): T {
  try {
    return make();
  } catch {
    throw bad(sentence);
  }
}

const bad = (message: string) => new StartupError('bad_certificate', message);
