import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../index.js';
import { startEmbeddedPostgres } from './index.js';
import { isAlive } from './processes.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function dataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gitclaw-embedded-'));
  // A server that lost its node ends by itself, and writes until then.
  cleanups.push(() => rm(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 }));
  return folder;
}

async function start(folder: string) {
  const server = await startEmbeddedPostgres({ dataDir: folder });
  cleanups.push(server.stop);
  return server;
}

async function query<T>(url: string, statement: string): Promise<T[]> {
  const db = openDatabase({ url, maxConnections: 1 });
  try {
    return [...(await db.sql.unsafe(statement))] as T[];
  } finally {
    await db.close();
  }
}

/** Another node, in a process of its own; prints its URL. */
async function startNode(folder: string): Promise<{ node: ChildProcess; url: string }> {
  const code = `
    import { startEmbeddedPostgres } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    console.log((await startEmbeddedPostgres({ dataDir: ${JSON.stringify(folder)} })).url);
    setInterval(() => {}, 1000);`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', code];
  const node = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => node.kill('SIGKILL'));
  const [line] = (await once(node.stdout!, 'data')) as [Buffer];
  return { node, url: line.toString().trim() };
}

describe('embedded Postgres', () => {
  it('starts, keeps its data durably, and stops', async () => {
    const folder = join(await dataDir(), 'not', 'there', 'yet');
    const first = await start(folder);
    const [settings] = await query(
      first.url,
      `SELECT current_database() AS name, current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages,
        current_setting('synchronous_commit') AS commit, current_setting('server_encoding') AS encoding,
        current_setting('listen_addresses') AS address, current_setting('data_checksums') AS checksums,
        (SELECT datcollate FROM pg_database WHERE datname = current_database()) AS collation`,
    );
    expect(settings).toEqual({
      name: 'gitclaw',
      fsync: 'on',
      pages: 'on',
      commit: 'on',
      encoding: 'UTF8',
      address: '127.0.0.1',
      checksums: 'on',
      collation: 'C',
    });
    await query(first.url, 'CREATE TABLE kept (n int)');
    await first.stop();
    await first.stop();
    await expect(query(first.url, 'SELECT 1')).rejects.toThrow();
    expect((await readdir(folder)).sort()).toEqual(['postgres']);
    const second = await start(folder);
    expect(await query(second.url, 'SELECT * FROM kept')).toEqual([]);
  });

  it('lets nobody in without the password, which only the owner can read', async () => {
    const folder = await dataDir();
    const { url } = await start(folder);
    const other = new URL(url);
    expect(other.searchParams.get('host')).toBe(join(folder, 'postgres'));
    for (const way of ['socket', 'TCP']) {
      if (way === 'TCP') other.searchParams.delete('host');
      for (const password of ['', 'wrong']) {
        other.password = password;
        await expect(query(other.href, 'SELECT 1'), way).rejects.toThrow(/password/i);
      }
      other.password = new URL(url).password;
      expect(await query(other.href, 'SELECT 1 AS one'), way).toEqual([{ one: 1 }]);
    }
    expect((await stat(join(folder, 'postgres', 'gitclaw-password'))).mode & 0o077).toBe(0);
    expect((await stat(join(folder, 'postgres'))).mode & 0o077).toBe(0);
  });

  it('does without a socket where its path would be too long', async () => {
    const { url } = await start(join(await dataDir(), 'a'.repeat(100)));
    expect(new URL(url).search).toBe('');
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('survives kill -9 of its node in the middle of writes', async () => {
    const folder = await dataDir();
    const { node, url } = await startNode(folder);
    await query(url, 'CREATE TABLE counted (n int)');
    const db = openDatabase({ url, maxConnections: 4 });
    let acknowledged = 0;
    const writers = Array.from({ length: 4 }, async () => {
      for (;;) {
        await db.sql`INSERT INTO counted VALUES (1)`;
        acknowledged++;
      }
    });
    const ended = Promise.allSettled(writers);
    while (acknowledged < 200) await new Promise((resolve) => setTimeout(resolve, 5));
    node.kill('SIGKILL');
    await once(node, 'exit');
    // The old server still shuts down while the next node starts.
    const next = await start(folder);
    await db.close();
    await ended;
    const [row] = await query<{ n: number }>(next.url, 'SELECT count(*) AS n FROM counted');
    expect(row!.n).toBeGreaterThanOrEqual(acknowledged);
  });

  it('takes its server along when it is killed', async () => {
    const { node, url } = await startNode(await dataDir());
    const [{ pid }] = (await query<{ pid: number }>(url, 'SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
    expect(pid).toBeGreaterThan(0);
    node.kill('SIGKILL');
    const gone = async () =>
      query(url, 'SELECT 1').then(
        () => false,
        () => true,
      );
    for (let tries = 0; tries < 100 && !(await gone()); tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await gone()).toBe(true);
  });

  it('refuses a second start on the same folder, from this process and from another, in one line', async () => {
    const folder = await dataDir();
    const { node } = await startNode(folder);
    const failure = await startEmbeddedPostgres({ dataDir: folder }).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure).toMatchObject({ name: 'DatabaseStartError' });
    expect(failure!.message).toContain('GITCLAW_DATA_DIR');
    expect(failure!.message).toContain(`process ${node.pid}`);
    expect(failure!.message).not.toContain('\n');
    const own = await dataDir();
    await start(own);
    await expect(startEmbeddedPostgres({ dataDir: own })).rejects.toThrow(`process ${process.pid}`);
  });

  it('lets one of two simultaneous starts win', async () => {
    const folder = await dataDir();
    const results = await Promise.allSettled([start(folder), start(folder), start(folder)]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('starts over leftovers: half a cluster, a lock, sockets and a pid file whose process is another program', async () => {
    const folder = await dataDir();
    await mkdir(join(folder, 'postgres.new', 'base'), { recursive: true });
    await writeFile(join(folder, 'gitclaw.lock'), `${process.pid} 12\n`);
    const first = await start(folder);
    await first.stop();
    await writeFile(join(folder, 'gitclaw.lock'), '');
    await writeFile(
      join(folder, 'postgres', 'postmaster.pid'),
      `${process.pid}\n${folder}\n1\n2\n\n127.0.0.1\n1 2\nready\n`,
    );
    for (const name of ['.s.PGSQL.5', '.s.PGSQL.5.lock']) await writeFile(join(folder, 'postgres', name), '');
    const second = await start(folder);
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const { port } = new URL(second.url);
    const sockets = (await readdir(join(folder, 'postgres'))).filter((name) => name.startsWith('.s.'));
    expect(sockets.sort()).toEqual([`.s.PGSQL.${port}`, `.s.PGSQL.${port}.lock`]);
    expect(isAlive(process.pid)).toBe(true);
  });

  it('says in one line what is in the way', async () => {
    const folder = await dataDir();
    await mkdir(join(folder, 'postgres'));
    await writeFile(join(folder, 'postgres', 'mine'), '');
    await expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toThrow(
      /holds no Postgres database \(GITCLAW_DATA_DIR\)$/,
    );
    await writeFile(join(folder, 'file'), '');
    await expect(startEmbeddedPostgres({ dataDir: join(folder, 'file') })).rejects.toThrow(/GITCLAW_DATA_DIR/);
    const broken = await dataDir();
    const server = await start(broken);
    await server.stop();
    await writeFile(join(broken, 'postgres', 'PG_VERSION'), '12\n');
    await expect(startEmbeddedPostgres({ dataDir: broken })).rejects.toThrow(
      /^The embedded Postgres does not start: .*$/,
    );
    expect(await readdir(broken)).toEqual(['postgres']);
  });
});
