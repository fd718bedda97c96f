/** The embedded Postgres of another process of this machine, for operators' commands beside a running node. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { clusterPath, readPassword, USER } from './cluster.js';
import { dataDirHolder } from './lock.js';

export const DATABASE = 'gitclaw';

/** @returns its URL; undefined when no living process uses the data dir, or its server is not ready yet */
export async function findRunningPostgres(dataDir: string): Promise<string | undefined> {
  const folder = resolve(dataDir);
  if ((await dataDirHolder(folder)) === undefined) return undefined;
  const path = clusterPath(folder);
  const lines = (await readFile(join(path, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  // Of the file's lines the fourth is the port and the eighth the state (PostgreSQL, miscadmin.h, LOCK_FILE_LINE_*).
  const [port, state] = [lines[3]?.trim(), lines[7]?.trim()];
  if (state !== 'ready') return undefined;
  return urlOf(Number(port), await readPassword(path));
}

/** @param database default: the one of nodes */
export function urlOf(port: number, password: string, database = DATABASE): string {
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
}
