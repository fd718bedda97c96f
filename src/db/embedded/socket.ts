/** The Unix socket of the embedded Postgres: a tenth of a push's processor time less than TCP to the same machine. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of a socket's path that every system takes, with the zero at the end (sun_path; 108 on Linux). */
const LONGEST_PATH = 104;
const LONGEST_PORT = 65_535;
/** How Postgres names its sockets and their lock files (PostgreSQL manual, unix_socket_directories). */
const PREFIX = '.s.PGSQL.';

/** Where the server makes its socket: in the folder that only its owner can enter; '' where it can have none. */
export function socketFolder(cluster: string): string {
  const length = Buffer.byteLength(socketPath(cluster, LONGEST_PORT));
  // Postgres splits its setting at commas, and takes quotes away.
  return process.platform === 'win32' || length >= LONGEST_PATH || /[,"']/.test(cluster) ? '' : cluster;
}

export function socketPath(cluster: string, port: number): string {
  return join(cluster, `${PREFIX}${port}`);
}

/** Sockets that killed servers left behind, each start at a port of its own. No server may run in the folder. */
export async function removeSockets(cluster: string): Promise<void> {
  const left = (await readdir(cluster)).filter((name) => name.startsWith(PREFIX));
  await Promise.all(left.map((name) => rm(join(cluster, name), { force: true })));
}
