/** A Postgres with its client programs, as operators have it: backups need pg_dump, which the embedded one lacks. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where Debian's packages put each version. */
const VERSIONS = '/usr/lib/postgresql';
const PROGRAMS = ['initdb', 'postgres', 'pg_dump', 'pg_restore', 'psql'];
const START_MS = 60_000;

export interface DebianPostgres {
  /** URL of a database on this server. */
  url(database: string): string;
  /** Runs a client program, such as `pg_dump`, and returns what it printed. */
  run(program: string, args: readonly string[]): Promise<Buffer>;
  stop(): Promise<void>;
}

/** Starts a server with an empty folder. @throws Error that says what to install */
export async function startDebianPostgres(): Promise<DebianPostgres> {
  const bin = await programs();
  const folder = await mkdtemp(join(tmpdir(), 'gitclaw-debian-postgres-'));
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  const prefix = await unprivileged(data);
  const command = async (program: string, args: string[]) => [...prefix, join(bin, program), ...args] as [string];
  const [initdb, ...initArgs] = await command('initdb', [
    ...['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
  ]);
  await run(initdb, initArgs, { cwd: '/' });
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'max_connections=50'];
  const [postgres, ...args] = await command('postgres', [
    ...['-D', data, '-p', String(port)],
    ...settings.flatMap((setting) => ['-c', setting]),
  ]);
  const child = spawn(postgres, args, { cwd: '/', stdio: 'ignore' });
  const exited = once(child, 'exit');
  for (const deadline = Date.now() + START_MS; ; await sleep(50)) {
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    if (lines[7]?.trim() === 'ready') break;
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('the Postgres of the system did not start');
  }
  return {
    url: (database) => `postgres://postgres@127.0.0.1:${port}/${database}`,
    async run(program, programArgs) {
      const options = { encoding: 'buffer', maxBuffer: 256 * 1024 * 1024 } as const;
      return (await run(join(bin, program), [...programArgs], options)).stdout;
    },
    async stop() {
      child.kill('SIGINT');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The newest version that is complete; installs Debian's own when this process may. */
async function programs(): Promise<string> {
  const found = (await installed()) ?? ((await install()) && (await installed()));
  if (found) return found;
  throw new Error('Tests of backups need a Postgres with pg_dump: install the Debian package postgresql.');
}

async function installed(): Promise<string | undefined> {
  const versions = await readdir(VERSIONS).catch((): string[] => []);
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const bin = join(VERSIONS, version, 'bin');
    const there = await Promise.all(PROGRAMS.map((name) => stat(join(bin, name)).catch(() => undefined)));
    if (there.every((program) => program !== undefined)) return bin;
  }
  return undefined;
}

async function install(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  // The package would make and start a server of its own.
  await mkdir('/etc/postgresql-common', { recursive: true });
  const options = { flag: 'wx' } as const;
  await writeFile('/etc/postgresql-common/createcluster.conf', 'create_main_cluster = false\n', options).catch(
    () => {},
  );
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const lock = ['-o', 'DPkg::Lock::Timeout=300'];
  const maxBuffer = 64 * 1024 * 1024;
  await run('apt-get', [...lock, 'update'], { env, maxBuffer });
  await run('apt-get', [...lock, 'install', '-y', '--no-install-recommends', 'postgresql'], { env, maxBuffer });
  return true;
}

/** Postgres refuses to run as root. @returns what to put in front of its command lines */
async function unprivileged(data: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  const { stdout } = await run('id', ['-u', 'postgres']);
  await chown(data, Number(stdout), Number((await run('id', ['-g', 'postgres'])).stdout));
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', '--pdeathsig', 'INT'];
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
