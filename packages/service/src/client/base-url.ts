// The address of a server. A module of its own, since the page reads an address before it loads the rest of the client.

import { ClientError } from './errors.ts';

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * A base URL with a slash at its end, so that addresses can be put behind it.
 * @param allowHttp also where others may listen
 * @throws ClientError `bad_base_url`, `insecure`
 */
export function parseBaseUrl(text: string, allowHttp = false): URL {
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
      `${text} is not encrypted: others on the network could read the password. Use https, or allow http where the network is yours.`,
    );
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}
