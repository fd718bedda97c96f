import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.js';
import type { FaultPoint } from '../../src/context.js';
import { type RunningServer, startServer } from '../../src/start.js';
import { type ObjectStore, openObjectStore } from '../../src/storage/index.js';
import { TestAgent } from '../support/agent.js';
import { s3Env } from '../support/deployment.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { type Answer, send } from '../support/http.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { createTestBucket, type TestBucket } from '../support/s3.js';

const PASSWORD = 'open sesame';

describe.each(['filesystem', 's3'] as const)('an operator repairs the server: %s', { timeout: 180_000 }, (kind) => {
  let dataDir: string;
  let database: TestDatabase;
  let bucket: TestBucket | undefined;
  let proxy: FaultProxy | undefined;
  let server: RunningServer;
  let objects: ObjectStore;
  let agent: TestAgent;
  let work: string;
  let token: string;
  /** Called at the named places of a push. */
  let atPoint: (point: FaultPoint) => Promise<void> = async () => {};

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'gitclaw-admin-'));
    database = await createTestDatabase();
    bucket = kind === 's3' ? await createTestBucket() : undefined;
    proxy = bucket && (await startFaultProxy(bucket.endpoint!));
    const config = readConfig({
      ...{ DATABASE_URL: database.url, GITCLAW_DATA_DIR: dataDir, PORT: '0' },
      ...{ ADMIN_USERNAME: 'root', ADMIN_PASSWORD_HASH: createHash('sha256').update(PASSWORD).digest('hex') },
      ...(bucket && { ...s3Env(bucket), S3_ENDPOINT: proxy!.endpoint, S3_MAX_RETRIES: '0' }),
    });
    const log = pino({ level: 'silent' });
    server = await startServer(config, { log, faultPoint: (point) => atPoint(point) });
    objects = await openObjectStore({ GITCLAW_DATA_DIR: dataDir, s3: bucket });
    agent = await TestAgent.setup(server.url, 'owner');
    work = agent.sandbox.path('work');
    await agent.sandbox.seedHistory({ dir: work, seed: 9, commits: 150, merges: 10, branches: 2, tags: 3 });
    const body = { username: 'root', password: PASSWORD };
    token = (await send(server.url, '/admin/login', { method: 'POST', body })).json.data.token;
  });

  afterAll(async () => {
    agent?.dispose();
    await server?.stop();
    await objects?.close();
    await proxy?.close();
    await bucket?.drop();
    await database?.drop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const admin = (method: string, path: string, body?: object): Promise<Answer> =>
    send(server.url, `/api/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body && { body }),
    });
  const keys = async (prefix: string) => {
    const found: string[] = [];
    for await (const { key } of objects.list(prefix)) found.push(key);
    return found;
  };
  const refsOf = async (url: string) => {
    const refs = await agent.remoteRefs(url);
    return new Map([...refs].filter(([name]) => name !== 'HEAD' && !name.endsWith('^{}')));
  };
  /** A repository that holds the seeded history in several pushes, every object of it stored loose. */
  const pushed = async (name: string) => {
    const repo = await agent.createRepo(name);
    await keepUnmerged(repo.repoId);
    await agent.git(['push', '-q', repo.cloneUrl, 'main~20:refs/heads/main'], { cwd: work });
    await agent.git(['push', '-q', repo.cloneUrl, 'main'], { cwd: work });
    await agent.git(['push', '-q', '--all', repo.cloneUrl], { cwd: work });
    await agent.git(['push', '-q', '--tags', repo.cloneUrl], { cwd: work });
    await unpacked(repo.repoId);
    return repo;
  };
  /** A job that merges packs a second after a push would change what is stored at any moment. */
  const keepUnmerged = (repoId: string) => database.db.sql`
    INSERT INTO pack_maintenance (repo_id, locked_until) VALUES (${repoId}, now() + interval '1 day')
    ON CONFLICT (repo_id) DO UPDATE SET locked_until = excluded.locked_until`;
  const unpacked = async (repoId: string) => {
    for (;;) {
      const rows = await database.db.sql`SELECT FROM packs WHERE repo_id = ${repoId} AND unpacked_at IS NULL`;
      if (rows.length === 0) return;
      await sleep(100);
    }
  };
  /** Stored objects of deleted repositories go in the background. */
  const emptied = async (repoId: string) => {
    while ((await keys(`${repoId}/`)).length > 0) await sleep(100);
  };
  const loseRows = (repoId: string) => database.db.sql`DELETE FROM repositories WHERE repo_id = ${repoId}`;
  const fsckClone = async (url: string, into: string) => {
    const copy = agent.sandbox.path(into);
    await agent.git(['clone', '-q', '--mirror', url, copy]);
    expect((await agent.git(['fsck', '--strict', '--full'], { cwd: copy })).stdout).toBe('');
    return copy;
  };
  const lastEvent = async (action: string) => (await admin('GET', `/audit?action=${action}`)).json.data.items[0];

  test('a healthy server says so, and a scan of it finds nothing', async () => {
    await pushed('fine');
    await agent.createRepo('never-pushed-to');
    const { json } = await admin('GET', '/health');
    expect(json.data).toMatchObject({
      ...{ status: 'healthy', overall: 'healthy' },
      database: { status: 'healthy', maxConnections: 10, poolSize: 10, error: null },
      objectStorage: { status: 'healthy', bucketAccessible: true, accessible: true, bucket: bucket?.bucket ?? null },
      outbox: { deadCount: 0, failedCount: 0, error: null },
    });
    const { activeConnections, idleConnections } = json.data.database;
    expect(activeConnections + idleConnections).toBeLessThanOrEqual(10);
    const scan = await admin('GET', '/repos/reconcile');
    expect(scan.json.data).toMatchObject({ dbOnlyRepos: [], storageOnlyRepos: [], totalDisconnected: 0 });
  });

  test('deleting a repository removes rows and objects and keeps its history', async () => {
    const { repoId } = await pushed('doomed');
    const before = (await admin('GET', `/repos/${repoId}`)).json.data;
    expect(before.objectCount).toBeGreaterThan(100);
    expect(before.totalSizeBytes).toBeGreaterThan(1000);
    expect((await keys(`${repoId}/`)).length).toBeGreaterThan(100);
    const gone = await admin('DELETE', `/repos/${repoId}`);
    expect([gone.status, gone.json.data.repoId]).toEqual([200, repoId]);
    await emptied(repoId);
    for (const table of ['repositories', 'packs', 'repo_refs', 'repo_access', 'repo_star_counts']) {
      const rows = await database.db.sql`SELECT FROM ${database.db.sql(table)} WHERE repo_id = ${repoId}`;
      expect([table, rows.length]).toEqual([table, 0]);
    }
    expect(await lastEvent('admin_delete_repo')).toMatchObject({
      ...{ agentId: 'root', resourceId: repoId, signature: '' },
      data: {
        ...{ admin_id: 'root', repo_name: 'doomed', owner_id: agent.agentId },
        deleted_counts: { stars: 0, pull_requests: 0, ci_runs: 0, objects: before.objectCount },
      },
    });
    expect((await admin('GET', `/audit?resourceId=${repoId}&action=push`)).json.data.total).toBe(4);
    expect((await admin('DELETE', `/repos/${repoId}`)).status).toBe(404);
  });

  test('packs that a fork uses move to it when their repository is deleted, and go with it', async () => {
    const { repoId: source } = await pushed('source');
    const { repoId: fork } = await agent.createRepo('fork');
    const { sql } = database.db;
    await sql`
      INSERT INTO packs (repo_id, hash, stored_in, bytes, objects, tight, tips, segment, unpack_next, unpacked_at)
      SELECT ${fork}, hash, ${source}, bytes, objects, tight, tips, segment, unpack_next, now()
      FROM packs WHERE repo_id = ${source} ORDER BY seq LIMIT 1`;
    const [{ hash, count }] = await sql<[{ hash: string; count: number }]>`
      SELECT hash, objects AS count FROM packs WHERE repo_id = ${fork}`;
    expect((await admin('DELETE', `/repos/${source}`)).status).toBe(200);
    while ((await sql`SELECT FROM packs WHERE stored_in = ${source}`).length > 0) await sleep(100);
    await unpacked(fork);
    const stored = await keys(`${fork}/`);
    const names = [`gitclaw/pack-${hash}.meta`, `objects/pack/pack-${hash}.idx`, `objects/pack/pack-${hash}.pack`];
    expect(stored).toEqual(expect.arrayContaining(names.map((name) => `${fork}/${name}`)));
    expect(stored).toHaveLength(names.length + count);
    expect((await admin('DELETE', `/repos/${fork}`)).status).toBe(200);
    await emptied(fork);
    // What the fork read before stays for a day, for requests that began then.
    await objects.deletePrefix(`${source}/`);
    expect((await admin('GET', '/repos/reconcile')).json.data.totalDisconnected).toBe(0);
  });

  test('a repository that is being unpacked is not deleted', async () => {
    const { repoId } = await pushed('moving');
    const { sql } = database.db;
    // As a job on another node leaves the row while it works.
    await sql`UPDATE packs SET unpacked_at = NULL, unpack_locked_at = now() WHERE repo_id = ${repoId}`;
    const refused = await admin('DELETE', `/repos/${repoId}`);
    expect([refused.status, refused.json.error.code]).toEqual([409, 'MIGRATION_IN_PROGRESS']);
    expect(refused.headers['retry-after']).toBe('5');
    await sql`UPDATE packs SET unpacked_at = now() WHERE repo_id = ${repoId}`;
    expect((await admin('DELETE', `/repos/${repoId}`)).status).toBe(200);
  });

  test('a push that is on its way when its repository is deleted is refused', async () => {
    const { repoId, cloneUrl } = await agent.createRepo('vanishing');
    atPoint = async (point) => {
      if (point === 'push.before-commit') expect((await admin('DELETE', `/repos/${repoId}`)).status).toBe(200);
    };
    const result = await agent.git(['push', cloneUrl, 'main'], { cwd: work, ok: false });
    atPoint = async () => {};
    expect(result.code).not.toBe(0);
    expect((await admin('GET', `/repos/${repoId}`)).status).toBe(404);
    const staged = await database.db.sql`
      SELECT FROM staged_packs WHERE repo_id = ${repoId} AND hash ~ '^[0-9a-f]{40}$'`;
    expect(staged, 'its files are known to the clean-up').toHaveLength(1);
    await objects.deletePrefix(`${repoId}/`);
  });

  test('a suspension stops the push that is on its way', async () => {
    const { cloneUrl } = await agent.createRepo('contested');
    await agent.git(['push', '-q', cloneUrl, 'main~5:refs/heads/main'], { cwd: work });
    const path = `/agents/${agent.agentId}`;
    atPoint = async (point) => {
      if (point === 'push.before-commit') expect((await admin('POST', `${path}/suspend`)).status).toBe(200);
    };
    const result = await agent.git(['push', cloneUrl, 'main'], { cwd: work, ok: false });
    atPoint = async () => {};
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(/403|SUSPENDED_AGENT/);
    expect((await admin('POST', `${path}/unsuspend`)).status).toBe(200);
    const main = (await agent.git(['rev-parse', 'main~5'], { cwd: work })).stdout.trim();
    expect((await refsOf(cloneUrl)).get('refs/heads/main')).toBe(main);
  });

  test('objects without a record are found and reconnected, with the refs that the audit log knows', async () => {
    const { repoId, cloneUrl } = await pushed('lost');
    await agent.createRepo('taken');
    const refs = await refsOf(cloneUrl);
    expect(refs.size).toBeGreaterThan(5);
    await loseRows(repoId);
    const scan = (await admin('GET', '/repos/reconcile')).json.data;
    const item = scan.storageOnlyRepos.find((one: { repoId: string }) => one.repoId === repoId);
    expect(item).toMatchObject({ disconnectionType: 'storage_only', dbMetadata: null, name: null, ownerName: null });
    expect(item.storageMetadata.objectCount).toBe((await keys(`${repoId}/`)).length);
    expect(item).toMatchObject({ objectCount: item.storageMetadata.objectCount });
    expect(scan.totalDisconnected).toBe(1);

    const reconnect = (body: object) => admin('POST', `/repos/${repoId}/reconnect`, body);
    const codeOf = async (body: object) => (await reconnect(body)).json.error?.code;
    expect(await codeOf({ ownerId: randomUUID(), name: 'lost' })).toBe('OWNER_NOT_FOUND');
    expect(await codeOf({ ownerName: 'owner', name: 'no good' })).toBe('INVALID_REPO_NAME');
    expect(await codeOf({ ownerName: 'owner', name: 'taken' })).toBe('REPO_EXISTS');
    expect(await codeOf({ name: 'lost' })).toBe('VALIDATION_ERROR');

    const together = await Promise.all(
      ['found', 'found'].map((name) => reconnect({ ownerName: 'owner', name, visibility: 'public' })),
    );
    expect(together.map((answer) => answer.json.data?.repoId ?? answer.json.error.code).sort()).toEqual(
      [repoId, 'NOT_ORPHANED'].sort(),
    );
    await keepUnmerged(repoId);
    const found = cloneUrl.replace('lost', 'found');
    expect(await refsOf(found)).toEqual(refs);
    await fsckClone(found, `found-${kind}`);
    const { packs } = (await database.db.sql`SELECT count(*)::int AS packs FROM packs WHERE repo_id = ${repoId}`)[0]!;
    expect(packs).toBe(4);
    const event = await lastEvent('admin_reconnect_repo');
    expect(event.data).toMatchObject({ admin_id: 'root', repo_name: 'found', owner_id: agent.agentId });
    expect(event.data.object_count).toBe((await admin('GET', `/repos/${repoId}`)).json.data.objectCount);
    expect(await codeOf({ ownerName: 'owner', name: 'again' })).toBe('NOT_ORPHANED');

    await agent.git(['checkout', '-q', '-B', 'next', 'main'], { cwd: work });
    await agent.git(['commit', '-q', '--allow-empty', '-m', 'goes on'], { cwd: work });
    await agent.git(['push', '-q', found, 'next:refs/heads/next'], { cwd: work });
    const after = await refsOf(found);
    await unpacked(repoId);
    await loseRows(repoId);
    expect((await reconnect({ ownerName: 'owner', name: 'found-again' })).status).toBe(200);
    expect(await refsOf(cloneUrl.replace('lost', 'found-again'))).toEqual(after);
    const { visibility } = (await admin('GET', `/repos/${repoId}`)).json.data;
    expect(visibility, 'private unless asked otherwise').toBe('private');
    await unpacked(repoId);
  });

  test('without the audit log every line of history gets a branch', async () => {
    const { repoId, cloneUrl } = await pushed('forgotten');
    const refs = await refsOf(cloneUrl);
    const moved = randomUUID();
    for await (const { key } of objects.list(`${repoId}/`)) {
      const body = await objects.get(key);
      // Index and sidecar are rebuilt, loose objects are written anew.
      if (key.endsWith('.pack')) {
        const target = key.replace(repoId, moved);
        await objects.put(target, body!, { contentType: 'application/x-git-packfile' });
      }
    }
    const done = await admin('POST', `/repos/${moved}/reconnect`, { ownerId: agent.agentId, name: 'remembered' });
    expect(done.status, done.text).toBe(200);
    const url = cloneUrl.replace('forgotten', 'remembered');
    const recovered = await refsOf(url);
    for (const name of recovered.keys()) expect(name).toMatch(/^refs\/(heads|tags)\/recovered\/\d+$/);
    const copy = await fsckClone(url, `remembered-${kind}`);
    const original = new Set(refs.values());
    for (const oid of original) {
      const reached = await agent.git(['cat-file', '-e', oid], { cwd: copy, ok: false });
      expect([oid, reached.code]).toEqual([oid, 0]);
    }
    const all = async (dir: string) => (await agent.git(['rev-list', '--all', '--count'], { cwd: dir })).stdout;
    expect(await all(copy)).toBe(await all(await fsckClone(cloneUrl, `forgotten-${kind}`)));
    expect((await agent.remoteRefs(url)).get('HEAD')).toBe(recovered.get('refs/heads/recovered/1'));
    await unpacked(moved);
  });

  test('damaged or incomplete packs are not reconnected', async () => {
    const { repoId } = await pushed('damaged');
    await loseRows(repoId);
    const packs = (await keys(`${repoId}/objects/pack/`)).filter((key) => key.endsWith('.pack'));
    const sizes = await Promise.all(packs.map(async (key) => ({ key, size: (await objects.head(key))!.size })));
    const [largest] = sizes.sort((a, b) => b.size - a.size);
    const body = (await objects.get(largest!.key))!;
    const reconnect = () => admin('POST', `/repos/${repoId}/reconnect`, { ownerName: 'owner', name: 'damaged' });
    const broken = Buffer.from(body);
    broken[Math.floor(broken.length / 2)]! ^= 0xff;
    await objects.put(largest!.key, broken, { contentType: 'application/x-git-packfile' });
    expect((await reconnect()).json.error.code).toBe('OBJECT_CORRUPTED');
    await objects.delete([largest!.key]);
    const incomplete = await reconnect();
    expect([incomplete.status, incomplete.json.error.code]).toEqual([404, 'S3_OBJECT_NOT_FOUND']);
    expect(incomplete.json.error.details.oid).toMatch(/^[0-9a-f]{40}$/);
    expect((await admin('GET', `/repos/${repoId}`)).status).toBe(404);

    const wrongSide = await admin('DELETE', `/repos/${repoId}/orphaned?type=db`);
    expect(wrongSide.json.error.code).toBe('REPO_NOT_FOUND');
    const removed = await admin('DELETE', `/repos/${repoId}/orphaned?type=storage`);
    expect(removed.status).toBe(200);
    expect(await keys(`${repoId}/`)).toEqual([]);
    expect((await lastEvent('admin_delete_orphaned_storage')).data.object_count).toBeGreaterThan(100);
    expect((await reconnect()).json.error.code).toBe('REPO_NOT_FOUND');
  });

  test('a record without objects is found and removed', async () => {
    const { repoId } = await pushed('hollow');
    const orphaned = (type: string) => admin('DELETE', `/repos/${repoId}/orphaned?type=${type}`);
    for (const type of ['db', 'storage']) expect((await orphaned(type)).json.error.code).toBe('NOT_ORPHANED');
    for (const type of ['', 'both']) {
      const bad = await orphaned(type);
      expect([bad.status, bad.json.error.code]).toEqual([400, 'INVALID_TYPE']);
    }
    await objects.deletePrefix(`${repoId}/`);
    const scan = (await admin('GET', '/repos/reconcile')).json.data;
    expect(scan.dbOnlyRepos).toHaveLength(1);
    expect(scan.dbOnlyRepos[0]).toMatchObject({
      ...{ repoId, disconnectionType: 'db_only', storageMetadata: null, name: 'hollow', ownerName: 'owner' },
      dbMetadata: { name: 'hollow', ownerId: agent.agentId, visibility: 'public' },
    });
    const mismatch = await admin('POST', `/repos/${repoId}/reconnect`, { ownerName: 'owner', name: 'x' });
    expect([mismatch.status, mismatch.json.error.code]).toEqual([409, 'DISCONNECTION_TYPE_MISMATCH']);
    expect((await orphaned('storage')).json.error.code).toBe('NOT_ORPHANED');
    expect((await orphaned('db')).status).toBe(200);
    expect((await lastEvent('admin_delete_orphaned_db')).data).toEqual({
      ...{ admin_id: 'root', repo_name: 'hollow', owner_id: agent.agentId },
    });
    expect((await orphaned('db')).json.error.code).toBe('REPO_NOT_FOUND');
    expect((await admin('GET', '/repos/reconcile')).json.data.totalDisconnected).toBe(0);
  });

  test('ids that cannot be keys are simply not found', async () => {
    for (const id of ['..', '%2e%2e', '%00', 'a%2Fb', '%5C', '__health_check__', 'x'.repeat(65)]) {
      for (const type of ['db', 'storage']) {
        const answer = await admin('DELETE', `/repos/${id}/orphaned?type=${type}`);
        expect([id, answer.status]).toEqual([id, 404]);
      }
      const back = await admin('POST', `/repos/${id}/reconnect`, { ownerName: 'owner', name: 'x' });
      expect([id, back.status]).toEqual([id, 404]);
    }
  });

  test('health tells what is wrong: dead letters, late work, object storage', async () => {
    const { sql } = database.db;
    const health = async () => (await admin('GET', '/health')).json.data;
    const [{ event_id: eventId }] = await sql<[{ event_id: string }]>`SELECT event_id FROM audit_log LIMIT 1`;
    await sql`DELETE FROM event_outbox`;
    await sql`INSERT INTO event_outbox (audit_event_id, topic, created_at, available_at)
      VALUES (${eventId}, 'analytics', now() - interval '2 hours', now() + interval '1 day')`;
    const late = await health();
    expect(late).toMatchObject({ status: 'degraded', outbox: { status: 'degraded', pendingCount: 1 } });
    expect(late.outbox.oldestPendingAgeSeconds).toBeGreaterThanOrEqual(7200);
    await sql`UPDATE event_outbox SET status = 'dead_letter'`;
    expect(await health()).toMatchObject({
      overall: 'unhealthy',
      outbox: { status: 'unhealthy', pendingCount: 0, deadCount: 1, failedCount: 1, oldestPendingAge: null },
    });
    await sql`DELETE FROM event_outbox`;
    expect((await health()).status).toBe('healthy');
    if (proxy === undefined) return;
    proxy.decide = () => ({ kind: 'reset' });
    const down = await health();
    const scan = await admin('GET', '/repos/reconcile');
    proxy.decide = () => undefined;
    expect(down).toMatchObject({
      ...{ status: 'unhealthy', database: { status: 'healthy' } },
      objectStorage: { status: 'unhealthy', bucketAccessible: false, accessible: false },
    });
    expect(down.objectStorage.error).toMatch(/^S3_CONNECTION_ERROR/);
    expect(scan.status).toBeGreaterThanOrEqual(500);
    expect(scan.json.error.code).toMatch(/^S3_CONNECTION_ERROR$|^OBJECT_STORAGE_ERROR$/);
    expect((await health()).status).toBe('healthy');
  });
});
