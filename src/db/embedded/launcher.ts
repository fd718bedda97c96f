/** How to run a Postgres program: never as root, and so that it ends when this process does. */
import { execFile, type SpawnOptions } from 'node:child_process';
import { chmod, chown, readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { DatabaseStartError } from '../errors.js';

export interface Launcher {
  /** Words before the program: `[...prefix, program, ...args]`. */
  prefix: string[];
  /** Gives a file or folder made by this process to the account that the program runs under. */
  give(path: string): Promise<void>;
}

/** Nothing of our environment but what the programs need: no PG* settings, no secrets. */
export const LAUNCH_ENV: SpawnOptions =
  process.platform === 'win32'
    ? {}
    : { env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' } };

/** The kernel sends SIGINT, which Postgres takes as "fast shutdown", when this process dies in whatever way. */
const DIE_WITH_PARENT = ['setpriv', '--pdeathsig', 'INT'];

/**
 * A root user maps itself to an ordinary one in a user namespace: files stay root's and no account is needed.
 * Where that is forbidden, an existing account takes over the folder.
 * @param folder existing folder that the program must be able to write
 * @throws DatabaseStartError when this process is root and neither way works
 */
export async function findLauncher(folder: string): Promise<Launcher> {
  if (process.platform === 'win32') return { prefix: [], give: async () => {} };
  const tail = (await works([...DIE_WITH_PARENT, 'true'])) ? DIE_WITH_PARENT : [];
  if (process.getuid?.() !== 0) return { prefix: tail, give: async () => {} };

  // The signal is set after the change of user, because a change of user clears it.
  const mapped = ['unshare', '--user', '--map-user=1000', '--map-group=1000', ...tail];
  if (await works([...mapped, 'sh', '-c', 'test -w "$0"', folder])) return { prefix: mapped, give: async () => {} };

  for (const { name, uid, gid } of await readAccounts(['postgres', 'nobody'])) {
    const prefix = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...tail];
    if (!(await works([...prefix, 'true']))) continue;
    await letEnter(folder, gid);
    if (await works([...prefix, 'sh', '-c', 'test -x "$0"', folder])) {
      return { prefix, give: (path) => chown(path, uid, gid) };
    }
    throw new DatabaseStartError(
      `The user ${name}, whom Postgres must run as, cannot enter ${folder} (GITCLAW_DATA_DIR)`,
    );
  }
  throw new DatabaseStartError(
    'Postgres does not run as root: start GitClaw as an ordinary user, or set DATABASE_URL to use a Postgres of your own',
  );
}

/** Lets a group pass through the folder, not read it. */
async function letEnter(folder: string, gid: number): Promise<void> {
  const { uid, mode } = await stat(folder);
  await chown(folder, uid, gid);
  await chmod(folder, (mode & 0o7777) | 0o010);
}

/** Whether a command line runs here and ends with status 0. */
async function works([command, ...args]: string[]): Promise<boolean> {
  try {
    await promisify(execFile)(command!, args, { ...LAUNCH_ENV, timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

async function readAccounts(wanted: string[]): Promise<{ name: string; uid: number; gid: number }[]> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  return wanted.flatMap((name) => {
    const line = lines.find((fields) => fields[0] === name);
    return line === undefined ? [] : [{ name, uid: Number(line[2]), gid: Number(line[3]) }];
  });
}
