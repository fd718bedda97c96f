import { isIPv6 } from 'node:net';

/**
 * What calls of a client without a name are counted under: its address, or its network of 64 bits with IPv6, where
 * every customer has such a network and could take a new address for every call.
 */
export function addressKey(ip: string): string {
  if (!isIPv6(ip)) return ip.slice(0, 64);
  const [head = '', tail] = ip.replace(/%.*$/, '').split('::');
  const left = head.split(':').filter(Boolean);
  const right = (tail ?? '').split(':').filter(Boolean);
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  const groups = [...left, ...zeros, ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
