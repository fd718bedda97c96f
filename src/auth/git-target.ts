/** Which repository and which server a git credential may name. */
import type { Config } from '../config.js';
import type { RepoNames } from './types.js';

const DEFAULT_PORTS = { 'http:': 80, 'https:': 443 } as const;

/** Every way a signer may write the repository: its id, `owner/name` with the owner's name or id. */
export function repoSpellings({ repoId, ownerName, ownerId, name }: RepoNames): string[] {
  const owners = name === undefined ? [] : [ownerName, ownerId].filter((owner) => owner !== undefined);
  return [...(repoId === undefined ? [] : [repoId]), ...owners.map((owner) => `${owner}/${name}`)];
}

/** Whether a repository named as in a clone URL (leading slash and `.git` allowed) is this one. */
export function namesRepo(text: string, repo: RepoNames): boolean {
  return repoSpellings(repo).includes(text.replace(/^\//, '').replace(/\.git$/, ''));
}

/**
 * Whether `host[:port]` as the client dialled it is this server: the host of PUBLIC_URL, an ALLOWED_HOSTS entry, or,
 * without PUBLIC_URL, HOST and the loopback names with the server's own port.
 *
 * The Host header is not asked: a server in the middle could send any.
 */
export function isOwnAudience(
  audience: string,
  config: Pick<Config, 'PUBLIC_URL' | 'ALLOWED_HOSTS' | 'HOST' | 'PORT'>,
): boolean {
  const own = config.PUBLIC_URL === undefined ? loopback(config) : publicHost(config.PUBLIC_URL);
  const allowed = config.ALLOWED_HOSTS.flatMap((host) => (hasPort(host) ? [host] : withPorts(host, [80, 443])));
  return [...own, ...allowed].some((host) => host.toLowerCase() === audience.toLowerCase());
}

function publicHost(publicUrl: string): string[] {
  const url = new URL(publicUrl);
  if (url.port !== '') return [url.host];
  return withPorts(url.hostname, [DEFAULT_PORTS[url.protocol as keyof typeof DEFAULT_PORTS]]);
}

function loopback({ HOST, PORT }: Pick<Config, 'HOST' | 'PORT'>): string[] {
  const own = HOST.includes(':') ? `[${HOST}]` : HOST;
  const hosts = ['127.0.0.1', 'localhost', '[::1]', ...(['0.0.0.0', '[::]'].includes(own) ? [] : [own])];
  return hosts.flatMap((host) => (PORT === 80 ? withPorts(host, [80]) : [`${host}:${PORT}`]));
}

/** Clients leave the port of the scheme away. */
function withPorts(host: string, ports: number[]): string[] {
  return [host, ...ports.map((port) => `${host}:${port}`)];
}

function hasPort(host: string): boolean {
  return /:\d+$/.test(host.replace(/^\[[^\]]*\]/, ''));
}
