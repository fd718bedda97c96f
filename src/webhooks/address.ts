/** Which addresses are on the public internet; everything else a delivery must not reach. */
import { BlockList, isIP } from 'node:net';

/**
 * Special-purpose IPv4 blocks (IANA IPv4 Special-Purpose Address Registry, RFC 6890), multicast and class E, and the
 * one public address behind which a cloud keeps instance data (Azure's 168.63.129.16).
 */
const SPECIAL_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16'],
  ...['192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  '168.63.129.16/32',
];

/**
 * Within global unicast (2000::/3) the blocks that are not: IETF protocol assignments with Teredo, documentation, 6to4.
 * What embeds an IPv4 address outside of it (mapped, compatible, NAT64) is refused with all the rest.
 */
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '2620:4f:8000::/48'];

const special = new BlockList();
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');
for (const block of SPECIAL_V4) special.addSubnet(...parts(block), 'ipv4');
for (const block of SPECIAL_V6) special.addSubnet(...parts(block), 'ipv6');

function parts(block: string): [string, number] {
  const [address = '', bits] = block.split('/');
  return [address, Number(bits)];
}

/** Whether a numeric address may be dialled. Anything that is no plain IPv4 or IPv6 address, zones included, may not. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, 'ipv4');
    case 6:
      return !address.includes('%') && globalUnicast.check(address, 'ipv6') && !special.check(address, 'ipv6');
    default:
      return false;
  }
}
