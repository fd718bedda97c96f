import { describe, expect, it } from 'vitest';
import { addressOf } from './client-ip.js';

describe('addressOf', () => {
  const resolve = addressOf(['10.0.0.1', '192.168.0.0/16', 'fd00::/8']);

  it.each([
    ['the socket when it is no proxy', '203.0.113.5', '198.51.100.1', '203.0.113.5'],
    ['the client behind a proxy', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['nothing the client made up', '10.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['the client behind a chain of proxies', '10.0.0.1', '198.51.100.1, 192.168.3.4', '198.51.100.1'],
    ['an IPv6 client behind an IPv6 proxy', 'fd00::7', '2001:db8::1', '2001:db8::1'],
    ['a mapped address as IPv4', '::ffff:10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['the proxy when the header is junk', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['the proxy when there is no header', '10.0.0.1', '', '10.0.0.1'],
    ['the last proxy when all hops are proxies', '10.0.0.1', '192.168.0.9', '192.168.0.9'],
  ])('believes %s', (_, socket, forwarded, expected) => {
    expect(resolve(socket, forwarded)).toBe(expected);
  });

  it.each(['proxy.local', '10.0.0.0/33', '10.0.0.0/', 'fd00::/129', '1.2.3.4/x'])('refuses %s', (entry) => {
    expect(() => addressOf([entry])).toThrow(/^TRUSTED_PROXIES holds /);
  });

  it('believes no header without trusted proxies', () => {
    expect(addressOf([])('127.0.0.1', '198.51.100.1')).toBe('127.0.0.1');
  });
});
