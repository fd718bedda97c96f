/** The files of the embedded database: made once, whole or not at all. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DatabaseStartError } from '../errors.js';
import type { Binaries } from './binaries.js';
import { LAUNCH_ENV, type Launcher } from './launcher.js';

export const USER = 'gitclaw';
const PASSWORD_FILE = 'gitclaw-password';

/** The Postgres data directory below the data dir. */
export function clusterPath(dataDir: string): string {
  return join(dataDir, 'postgres');
}

/**
 * Makes the cluster unless it exists; the caller holds the lock of the data dir.
 * Everything happens in a folder beside, which gets its final name last, so that a crash leaves no half of a cluster.
 * @returns the password of the user {@link USER}
 * @throws DatabaseStartError
 */
export async function ensureCluster(dataDir: string, binaries: Binaries, launcher: Launcher): Promise<string> {
  const path = clusterPath(dataDir);
  const exists = await access(join(path, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (exists) return readPassword(path);

  for (const name of await readdir(dataDir)) {
    if (name.startsWith('postgres.new')) await rm(join(dataDir, name), { recursive: true, force: true });
  }
  const fresh = `${path}.new`;
  const passwordFile = `${path}.new-password`;
  const password = randomBytes(24).toString('base64url');
  await mkdir(fresh, { mode: 0o700 });
  await launcher.give(fresh);
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  await launcher.give(passwordFile);
  await initdb(fresh, passwordFile, binaries, launcher);
  await rename(passwordFile, join(fresh, PASSWORD_FILE));
  await rename(fresh, path).catch((cause: unknown) => {
    throw new DatabaseStartError(`${path} exists but holds no Postgres database (GITCLAW_DATA_DIR)`, { cause });
  });
  await syncFolder(dataDir);
  return password;
}

async function initdb(folder: string, passwordFile: string, binaries: Binaries, launcher: Launcher): Promise<void> {
  const [command, ...args] = [
    ...launcher.prefix,
    binaries.initdb,
    ...['-D', folder, '-U', USER, '-A', 'scram-sha-256', '--pwfile', passwordFile],
    ...['--encoding=UTF8', '--locale=C', '--no-instructions'],
  ];
  try {
    await promisify(execFile)(command!, args, { ...LAUNCH_ENV, timeout: 120_000 });
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const reason = stderr.split('\n').find((line) => /error|fatal|cannot/i.test(line)) ?? message.split('\n')[0];
    throw new DatabaseStartError(
      `The embedded Postgres cannot be set up: ${reason} (set DATABASE_URL to use another)`,
      {
        cause: error,
      },
    );
  }
}

/** @throws DatabaseStartError when this process may not read it */
export async function readPassword(path: string): Promise<string> {
  try {
    return (await readFile(join(path, PASSWORD_FILE), 'utf8')).trim();
  } catch (cause) {
    throw new DatabaseStartError(`${join(path, PASSWORD_FILE)} cannot be read (GITCLAW_DATA_DIR)`, { cause });
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
