// The addresses below a server's base URL.

import { ServiceError } from '../contract/errors.ts';

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
