/** Where a webhook may point: what its URL may say, and which address is dialled for it. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress } from './address.js';

/** All addresses of a name. */
export type Resolve = (name: string) => Promise<string[]>;

export const MAX_URL_LENGTH = 2048;

/** Ports on which web servers are expected; others are mostly something that must not be spoken to. */
const PORTS = ['', '80', '443', '8080', '8443'];

/** Names that mean this machine or this network by convention (RFC 6761, RFC 6762, RFC 8375). */
const INNER_NAMES = /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|lan|home\.arpa|corp|home)$/;

const RESOLVE_MS = 5_000;

export class ForbiddenDestination extends Error {
  override readonly name = 'ForbiddenDestination';
}

/**
 * Reads the URL of a webhook. The parser (WHATWG URL) turns every spelling of an IPv4 address, decimal, octal, hex or
 * short, into the dotted one, which is what is judged.
 * @param allowPrivate for development: any port, any address
 * @throws ForbiddenDestination with a sentence for the client
 */
export function parseDestination(text: string, allowPrivate: boolean): URL {
  if (text.length > MAX_URL_LENGTH) throw new ForbiddenDestination(`has more than ${MAX_URL_LENGTH} characters`);
  // The parser would drop these silently, and what is stored should be what is dialled.
  if (/[\s\p{Cc}\\]/u.test(text))
    throw new ForbiddenDestination('contains white space, a backslash or a control character');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ForbiddenDestination('is not a URL');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new ForbiddenDestination('must start with https:// or http://');
  if (url.username !== '' || url.password !== '' || /^[a-z]+:\/\/[^/?#]*@/i.test(text))
    throw new ForbiddenDestination('must not carry a user name or password');
  if (url.hash !== '') throw new ForbiddenDestination('must not have a fragment');
  if (allowPrivate) return url;
  if (!PORTS.includes(url.port)) throw new ForbiddenDestination('must use port 80, 443, 8080 or 8443');
  const host = hostOf(url);
  if (isIP(host) !== 0) {
    if (!isPublicAddress(host)) throw new ForbiddenDestination('points to an address that is not public');
  } else if (!host.replace(/\.$/, '').includes('.') || INNER_NAMES.test(host.replace(/\.$/, ''))) {
    throw new ForbiddenDestination('points to a name that is not public');
  }
  return url;
}

/**
 * The address to dial. Every address of the name must be public: one that is not would be reached by whoever tries again.
 * The caller dials exactly what is returned, so that a name cannot change its mind between the check and the connection.
 * @param turn chooses among several addresses, so that attempts go round
 * @throws ForbiddenDestination; Error when the name does not resolve
 */
export async function chooseAddress(
  url: URL,
  {
    allowPrivate,
    resolve = resolveAll,
    turn = 0,
  }: { allowPrivate: boolean; resolve?: Resolve | undefined; turn?: number },
): Promise<string> {
  const host = hostOf(url);
  const addresses = isIP(host) !== 0 ? [host] : await within(resolve(host), host);
  const address = addresses[turn % Math.max(addresses.length, 1)];
  if (address === undefined) throw new Error(`${host} has no address`);
  if (!allowPrivate && !addresses.every(isPublicAddress)) {
    throw new ForbiddenDestination('points to an address that is not public');
  }
  return address;
}

/** Without the brackets of IPv6. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

async function resolveAll(name: string): Promise<string[]> {
  return (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address);
}

async function within<T>(answer: Promise<T>, name: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} was not resolved in time`)), RESOLVE_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
