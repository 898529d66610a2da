import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressGroup, clientAddress, isLoopback, isTrusted, parseTrust } from './address.ts';

const NONE = parseTrust(undefined);
const PEER = parseTrust(true);
const NETWORKS = parseTrust('10.0.0.0/8, fd00::/8,192.0.2.7');

describe('the address of a client', () => {
  it('is that of its connection, whatever it says, where no proxy is trusted', () => {
    expect(clientAddress('203.0.113.9', '1.2.3.4', NONE)).toBe('203.0.113.9');
    expect(clientAddress('203.0.113.9', '1.2.3.4', NETWORKS)).toBe('203.0.113.9');
    expect(clientAddress('::ffff:203.0.113.9', undefined, NONE)).toBe('203.0.113.9');
    expect(clientAddress('fe80::1%eth0', undefined, NONE)).toBe('fe80::1');
    expect(clientAddress(undefined, '1.2.3.4', NONE)).toBe('unknown');
  });

  it('is the rightmost that no trusted proxy stands for', () => {
    expect(clientAddress('10.1.1.1', '6.6.6.6, 1.2.3.4, 10.2.2.2', NETWORKS)).toBe('1.2.3.4');
    expect(clientAddress('::ffff:10.1.1.1', '1.2.3.4,192.0.2.7', NETWORKS)).toBe('1.2.3.4');
    expect(clientAddress('fd00::1', '[2001:db8::5]:443', NETWORKS)).toBe('2001:db8::5');
    expect(clientAddress('10.1.1.1', '10.3.3.3, 10.2.2.2', NETWORKS)).toBe('10.3.3.3');
    expect(clientAddress('10.1.1.1', undefined, NETWORKS)).toBe('10.1.1.1');
  });

  it('is the last one named where the one proxy is trusted', () => {
    expect(clientAddress('127.0.0.1', '6.6.6.6, 10.0.0.1', PEER)).toBe('10.0.0.1');
    expect(clientAddress('127.0.0.1', '1.2.3.4:5678', PEER)).toBe('1.2.3.4');
  });

  it('is the nearest that is known where the header is odd', () => {
    for (const odd of [
      '',
      ' ',
      ',',
      'unknown',
      '_hidden',
      '1.2.3',
      '1.2.3.4.5',
      '01.2.3.4',
      '[::1',
      '1.2.3.4;',
      'a'.repeat(9000),
    ])
      expect(clientAddress('10.1.1.1', `6.6.6.6, ${odd}`, NETWORKS)).toBe('10.1.1.1');
    expect(clientAddress('10.1.1.1', '6.6.6.6, odd, 10.2.2.2', NETWORKS)).toBe('10.2.2.2');
  });

  it('cannot be chosen by what a client writes to the left', () => {
    const entry = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constantFrom('10.0.0.1', 'unknown', ''));
    fc.assert(
      fc.property(fc.array(entry), fc.ipV4(), (invented, real) => {
        fc.pre(!isTrusted(real, NETWORKS));
        const header = [...invented, real, '10.9.9.9'].join(', ');
        expect(clientAddress('10.1.1.1', header, NETWORKS)).toBe(real);
        expect(clientAddress('127.0.0.1', [...invented, real].join(','), PEER)).toBe(real);
      }),
    );
  });

  it('is an address for any header', () => {
    const trust = fc.constantFrom(NONE, PEER, NETWORKS);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), trust, (header, each) => {
        expect(isIP(clientAddress('10.1.1.1', header, each))).not.toBe(0);
      }),
    );
  });
});

describe('a group of addresses', () => {
  it('is an IPv4 address or 64 bits of IPv6', () => {
    expect(addressGroup('1.2.3.4')).toBe('1.2.3.4');
    expect(addressGroup('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(addressGroup('2001:db8::1')).toBe('2001:db8:0:0::/64');
    expect(addressGroup('::1')).toBe('0:0:0:0::/64');
    expect(addressGroup('unknown')).toBe('unknown');
  });

  it('does not depend on how an address is written, nor on its last 64 bits', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const eight = fc.array(group, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(eight, eight, (a, b) => {
        const full = a.map((each) => each.toString(16).padStart(4, '0').toUpperCase()).join(':');
        const short = clientAddress(full, undefined, NONE);
        fc.pre(short.includes(':'));
        const neighbour = [...a.slice(0, 4), ...b.slice(4)].map((each) => each.toString(16)).join(':');
        expect(addressGroup(short)).toBe(addressGroup(full));
        expect(addressGroup(neighbour)).toBe(addressGroup(full));
      }),
    );
  });
});

describe('--trust-proxy', () => {
  it.each([
    '10.0.0.0/33',
    '10.0.0/8',
    'proxy.example',
    '10.0.0.1,,',
    '::1/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    'fe80::1%eth0',
    'yes',
  ])('refuses %j', (value) => {
    expect(() => parseTrust(value)).toThrow('--trust-proxy');
  });

  it('takes all, none or networks', () => {
    expect([parseTrust(true), parseTrust(''), parseTrust('true')].map(({ kind }) => kind)).toEqual([
      'peer',
      'peer',
      'peer',
    ]);
    expect([parseTrust(false), parseTrust(undefined)].map(({ kind }) => kind)).toEqual(['none', 'none']);
    expect(isTrusted('10.255.0.1', NETWORKS)).toBe(true);
    expect(isTrusted('11.0.0.1', NETWORKS)).toBe(false);
    expect(isTrusted('unknown', NETWORKS)).toBe(false);
  });
});

describe('loopback', () => {
  it('is 127.0.0.0/8 and ::1, however they are written', () => {
    expect(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '128.0.0.1', '127.0.0.1.example', '127.1', '', '10.0.0.1'].some(isLoopback)).toBe(false);
  });
});
