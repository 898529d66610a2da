// Where a request comes from. X-Forwarded-For counts only when the other end of the connection is a trusted proxy, and of
// its entries the rightmost that is no trusted proxy: a client can forge the entries left of it.

import { BlockList, isIP, isIPv4 } from 'node:net';
import type { Context } from 'hono';
import { StartupError } from '../startup-error.ts';

/** Whose X-Forwarded headers count. */
export type ProxyTrust =
  | { readonly kind: 'none' }
  /** The one proxy there is connects from this machine or a private network. */
  | { readonly kind: 'peer' }
  | { readonly kind: 'networks'; readonly list: BlockList };

const UNKNOWN_ADDRESS = 'unknown';

/**
 * Reads the value of --trust-proxy: true (or an empty string) to trust a proxy in a private network, or addresses and networks separated by
 * commas, such as `10.0.0.0/8,fd00::/8`.
 * @throws StartupError `bad_proxy`
 */
export function parseTrust(value: string | boolean | undefined): ProxyTrust {
  if (value === undefined || value === false || value === 'false') return { kind: 'none' };
  if (value === true || value === '' || value === 'true') return { kind: 'peer' };
  const list = new BlockList();
  for (const item of value.split(',').map((each) => each.trim())) {
    const slash = item.indexOf('/');
    const address = slash < 0 ? item : item.slice(0, slash);
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    const prefix = slash < 0 ? bits : /^\d{1,3}$/.test(item.slice(slash + 1)) ? Number(item.slice(slash + 1)) : -1;
    if (family === 0 || address.includes('%') || prefix < 0 || prefix > bits)
      throw new StartupError(
        'bad_proxy',
        `--trust-proxy: ${JSON.stringify(item)} is no address or network. Write --trust-proxy alone, or such as --trust-proxy 10.0.0.0/8,::1.`,
      );
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return { kind: 'networks', list };
}

/** Loopback, private, shared (RFC 6598) and link-local networks. */
const NEARBY = new BlockList();
for (const [network, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
] as const)
  NEARBY.addSubnet(network, bits, 'ipv4');
NEARBY.addSubnet('::1', 128, 'ipv6');
NEARBY.addSubnet('fc00::', 7, 'ipv6');
NEARBY.addSubnet('fe80::', 10, 'ipv6');

export function isTrusted(address: string, trust: ProxyTrust): boolean {
  // As a server on both families sees an address of the older one.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (trust.kind === 'none' || isIP(plain) === 0) return false;
  const list = trust.kind === 'peer' ? NEARBY : trust.list;
  return list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
}

/** @param peer the other end of the connection, as the socket says it */
export function clientAddress(peer: string | undefined, forwardedFor: string | undefined, trust: ProxyTrust): string {
  const nearest = parseAddress(peer ?? '') ?? UNKNOWN_ADDRESS;
  if (trust.kind === 'none' || forwardedFor === undefined || !isTrusted(nearest, trust)) return nearest;
  let address = nearest;
  for (const entry of forwardedFor.split(',').reverse()) {
    const next = parseAddress(entry);
    // Entries before one that is no address cannot be trusted.
    if (next === undefined) return address;
    address = next;
    if (trust.kind === 'peer' || !isTrusted(address, trust)) return address;
  }
  return address;
}

/** The addresses that count as one: an IPv6 network of 64 bits belongs to one customer. */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address;
  return `${groupsOf(address)
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

export const isLoopback = (address: string): boolean => {
  const plain = parseAddress(address);
  return plain === '::1' || (plain !== undefined && isIPv4(plain) && plain.startsWith('127.'));
};

/** The peer of a request that came through Node's server; undefined where there is none, as in tests. */
export const peerOf = (context: Context): string | undefined => socketOf(context)?.remoteAddress;
/** Whether the connection to this server itself is encrypted. */
export const isEncrypted = (context: Context): boolean => socketOf(context)?.encrypted === true;

export const addressOf = (context: Context, trust: ProxyTrust): string =>
  clientAddress(peerOf(context), context.req.header('x-forwarded-for'), trust);

function socketOf(context: Context): { readonly remoteAddress?: string; readonly encrypted?: boolean } | undefined {
  return (context.env as { incoming?: { socket?: { remoteAddress?: string; encrypted?: boolean } } } | undefined)
    ?.incoming?.socket;
}

/** An address as it is written shortest, without port, brackets and zone; undefined for anything else. */
function parseAddress(text: string): string | undefined {
  const trimmed = text.trim();
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ?? /^(\d[\d.]*):\d{1,5}$/.exec(trimmed)?.[1] ?? trimmed;
  const address = bare.split('%', 1)[0]!;
  switch (isIP(address)) {
    case 4:
      return address;
    case 6: {
      const groups = groupsOf(address);
      const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
      if (isMapped) return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.');
      return new URL(`http://[${address}]`).hostname.slice(1, -1);
    }
    default:
      return undefined;
  }
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const last = address.slice(address.lastIndexOf(':') + 1);
  const [a, b, c, d] = last.split('.').map(Number);
  const hex = isIPv4(last)
    ? `${address.slice(0, -last.length)}${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}`
    : address;
  const [head = '', tail] = hex.split('::');
  const split = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const before = split(head);
  if (tail === undefined) return before;
  const after = split(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}
