// Where a server is: its base URL, and the addresses below it.

import { ServiceError } from '../errors.ts';
import { ClientError } from './errors.ts';

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * A base URL with a slash at its end, so that addresses can be put behind it.
 * @param allowHttp also where others may listen
 * @throws ClientError `bad_base_url`, `insecure`
 */
export function parseBaseUrl(text: string, allowHttp: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new ClientError(
      'bad_base_url',
      `${text} is no address of a server, which would be such as https://example.org.`,
    );
  if (url.username !== '' || url.password !== '')
    throw new ClientError(
      'bad_base_url',
      `The address of ${url.host} holds a name or a password. Give the password by itself, so that it stays out of logs.`,
    );
  if (url.search !== '' || url.hash !== '')
    throw new ClientError('bad_base_url', `${text} has something behind its path. Leave out ? and # and what follows.`);
  if (url.protocol === 'http:' && !allowHttp && !LOOPBACK.test(url.hostname))
    throw new ClientError(
      'insecure',
      `${text} is not encrypted: whoever is on the way could read the password. Use https, or allow http where the network is yours.`,
    );
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/**
 * The address of an endpoint.
 * @param path as the table of endpoints writes it, such as `/jobs/{id}`
 * @param params values of its names; `file` may hold slashes
 * @throws ServiceError `bad_request` for a value that would name another address
 */
export function addressOf(
  base: URL,
  path: string,
  params: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, unknown>> = {},
): URL {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name] ?? '';
    const parts = name === 'file' ? value.split('/') : [value];
    if (parts.some((part) => part === '' || part === '.' || part === '..' || !part.isWellFormed()))
      throw new ServiceError('bad_request', `${JSON.stringify(value)} cannot be a ${name}.`);
    return parts.map(encodeURIComponent).join('/');
  });
  const url = new URL(filled.slice(1), base);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}
