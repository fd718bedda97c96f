/** One run of the Postgres server program. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseStartError } from '../errors.js';
import type { Binaries } from './binaries.js';
import { LAUNCH_ENV, type Launcher } from './launcher.js';
import { isAlive, worksIn } from './processes.js';
import { removeSockets, socketFolder } from './socket.js';

export interface EmbeddedLog {
  debug(message: string): void;
  warn(message: string): void;
}

/** How long a server that lost its node may take to end. */
const ORPHAN_MS = 10_000;
/** Replaying the log after a crash can take this long. */
const START_MS = 120_000;
/** After this a fast shutdown becomes an immediate one, which the next start repairs. */
const STOP_MS = 20_000;

export interface ServerRun {
  port: number;
  /** Fast shutdown: open transactions roll back, everything committed is on disk. */
  stop(): Promise<void>;
}

/** Waits for the server of a killed node to end. The caller holds the lock, so no living node owns that server. */
export async function awaitOrphan(cluster: string): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid');
  const readPid = async () => Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]);
  const orphan = await readPid();
  if (!orphan) return;
  if (!isAlive(orphan) || !(await worksIn(orphan, cluster))) {
    // Postgres would take any process of that id for a running server.
    await rm(pidFile, { force: true });
    return;
  }
  process.kill(orphan, 'SIGINT');
  for (const end = Date.now() + ORPHAN_MS; Date.now() < end; await sleep(50)) {
    if (!isAlive(orphan) || (await readPid()) !== orphan) return;
  }
  throw new DatabaseStartError(
    `A Postgres of an earlier start still runs (process ${orphan}): stop it first (GITCLAW_DATA_DIR)`,
  );
}

/** Starts the server and waits until it accepts connections. @throws DatabaseStartError */
export async function startServer(
  cluster: string,
  binaries: Binaries,
  launcher: Launcher,
  settings: Record<string, string>,
  log: EmbeddedLog,
): Promise<ServerRun> {
  await removeSockets(cluster);
  // Another program may take the free port in between, so the choice is repeated.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = launch(cluster, port, binaries, launcher, settings);
    const lines = collectLines(child, log);
    try {
      await awaitReady(cluster, child, lines);
      return { port, stop: watch(child, log) };
    } catch (error) {
      child.kill('SIGKILL');
      if (attempt < 3 && lines.some((line) => line.includes('could not create any TCP/IP sockets'))) continue;
      throw error;
    }
  }
}

function launch(
  cluster: string,
  port: number,
  binaries: Binaries,
  launcher: Launcher,
  settings: Record<string, string>,
) {
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: socketFolder(cluster),
    unix_socket_permissions: '0700',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // A database of this size gains nothing from processes that read ahead for others or that replicate.
    io_method: 'sync',
    max_logical_replication_workers: '0',
    max_parallel_workers: '0',
    autovacuum_max_workers: '1',
    // The system's cache of files is as near. Every process maps what it has read of this memory, so it counts many times.
    shared_buffers: '16MB',
    // Statements may hold what must not be in a log.
    log_min_error_statement: 'panic',
    ...settings,
  };
  const [command, ...args] = [
    ...launcher.prefix,
    binaries.postgres,
    ...['-D', cluster, '-p', String(port)],
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  // A session of its own: Ctrl-C in the terminal must reach the node only, which still needs the database to finish.
  return spawn(command!, args, {
    ...LAUNCH_ENV,
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

function collectLines(child: ChildProcess, log: EmbeddedLog): string[] {
  const lines: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (lines.push(line) > 50) lines.shift();
    if (/\b(FATAL|PANIC):/.test(line)) log.warn(`postgres: ${line}`);
    else log.debug(`postgres: ${line}`);
  });
  return lines;
}

async function awaitReady(cluster: string, child: ChildProcess, lines: string[]): Promise<void> {
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(20)) {
    if (failure !== undefined || child.exitCode !== null || child.signalCode !== null) break;
    const fields = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    // The eighth line is the state.
    if (fields[0] === String(child.pid) && fields[7]?.trim() === 'ready') return;
  }
  await sleep(20);
  const reason =
    failure?.message ?? lines.findLast((line) => /FATAL|PANIC|error/.test(line)) ?? lines.at(-1) ?? 'no message';
  throw new DatabaseStartError(`The embedded Postgres does not start: ${reason}`, { cause: failure });
}

/** Reports an end that nobody asked for; returns how to ask for one. */
function watch(child: ChildProcess, log: EmbeddedLog): () => Promise<void> {
  let expected = false;
  const exited = once(child, 'exit').then(([code, signal]) => {
    if (!expected) log.warn(`postgres ended unexpectedly: ${signal ?? `status ${code}`}`);
  });
  // Where the kernel cannot tie the two together, at least a regular end of this process takes the server along.
  const onExit = () => child.kill('SIGINT');
  process.once('exit', onExit);
  return async () => {
    expected = true;
    process.removeListener('exit', onExit);
    child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGQUIT'), STOP_MS);
    await exited;
    clearTimeout(timer);
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
