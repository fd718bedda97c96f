import { BlockList, isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { ConfigError } from '../../config.js';
import type { AppEnv } from '../../routing/index.js';

/**
 * Decides whose address a request has: the socket's, or, as long as that is a trusted proxy, the next one to the left
 * in X-Forwarded-For. Everything left of the first untrusted address was written by the client and is not believed.
 * @param trusted addresses or networks (`10.0.0.0/8`)
 * @throws ConfigError for an entry that is neither
 */
export function addressOf(trusted: readonly string[]): (socket: string | undefined, forwarded: string) => string {
  const proxies = new BlockList();
  for (const entry of trusted) {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const widest = family === 'ipv6' ? 128 : 32;
    const prefix = bits === undefined ? widest : Number(bits);
    if (isIP(address) === 0 || prefix > widest) {
      throw new ConfigError(`TRUSTED_PROXIES holds ${JSON.stringify(entry)}, which is no address and no network`);
    }
    proxies.addSubnet(address, prefix, family);
  }
  return (socket, forwarded) => {
    let address = plain(socket ?? '');
    const hops = forwarded.split(',').map((hop) => plain(hop.trim()));
    while (isTrusted(proxies, address)) {
      const hop = hops.pop();
      if (hop === undefined || isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

export function clientIp(trusted: readonly string[]): MiddlewareHandler<AppEnv> {
  const resolve = addressOf(trusted);
  return async (c, next) => {
    const forwarded = c.env.incoming.headers['x-forwarded-for'];
    c.set('clientIp', resolve(c.env.incoming.socket.remoteAddress, forwarded === undefined ? '' : String(forwarded)));
    await next();
  };
}

function isTrusted(proxies: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && proxies.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** Sockets that listen on IPv6 report IPv4 clients as `::ffff:192.0.2.1`. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
