// For tests: certificates that sign themselves, made by openssl where there is one.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TlsFiles } from './tls.ts';

export const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

/** @param days negative for one that has ended */
export function makeCertificate(folder: string, name: string, days = 30): TlsFiles {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  const openssl = (...args: readonly string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', files.key);
  const request = join(folder, `${name}.csr`);
  openssl('req', '-new', '-key', files.key, '-subj', '/CN=localhost', '-out', request);
  openssl('x509', '-req', '-in', request, '-signkey', files.key, '-days', String(days), '-out', files.cert);
  return files;
}
