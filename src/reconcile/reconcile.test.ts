import { rename, rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GitSandbox } from '../../test/support/git.js';
import { gitAuthorization, startGitApp } from '../../test/support/git-app.js';
import { newAgent, newRepository, type TestAgent, type TestApp } from '../../test/support/http.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { packKey } from '../storage/index.js';
import { CHECKS, type CheckType, reconcileDue, reconcileNow } from './index.js';

let database: TestDatabase;
let app: TestApp;
let owner: TestAgent;
let repoId: string;
const sandbox = new GitSandbox();
const { signal } = new AbortController();

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startGitApp({ db: database.db });
  owner = await newAgent(app);
});
afterAll(async () => {
  await app.close();
  await database.drop();
  sandbox.dispose();
});
beforeEach(async () => {
  await database.db.sql`DELETE FROM repo_stars`;
  await database.db.sql`DELETE FROM repositories`;
  ({ repoId } = await newRepository(app, owner));
  app.logs.length = 0;
});

const run = (type: CheckType, fix = false) =>
  reconcileNow(app.ctx, CHECKS.find((check) => check.type === type)!, { fix, stop: signal });
const drifts = async (type: CheckType) => (await run(type)).drifts_found;
const told = () => app.logs.filter((line) => line.msg === 'drift detected');
const audited = async (action = 'drift_detected') => {
  const rows = await database.db.sql<{ data: { drift: unknown } }[]>`
    SELECT data FROM audit_log WHERE action = ${action} AND chain_id = ${repoId} AND agent_id = 'system'
      AND signature = 'system-reconciliation' ORDER BY seq`;
  return rows.map(({ data }) => data.drift);
};

let histories = 0;
/** Pushes a history of two packs. @returns the hashes of the packs, oldest first, and the ids of the two commits */
async function pushTwice() {
  histories += 1;
  const dir = sandbox.path(`source-${histories}`);
  await sandbox.git(['init', '-q', '-b', 'main', dir]);
  const url = `${app.url}/v1/repos/${repoId}`;
  const commits: string[] = [];
  for (const branch of ['main', 'topic']) {
    await sandbox.git(['commit', '-q', '--allow-empty', '-m', `${branch} of ${histories}`], { cwd: dir });
    await sandbox.git(['branch', '-q', '-f', 'topic'], { cwd: dir });
    const auth = gitAuthorization(app, owner, repoId);
    await sandbox.git(['-c', auth, 'push', '-q', url, `HEAD:refs/heads/${branch}`], { cwd: dir });
    commits.push((await sandbox.git(['rev-parse', 'HEAD'], { cwd: dir })).stdout.trim());
  }
  const rows = await database.db.sql<{ hash: string }[]>`SELECT hash FROM packs WHERE repo_id = ${repoId} ORDER BY seq`;
  return { packs: rows.map(({ hash }) => hash), commits };
}

const path = (hash: string, extension: 'pack' | 'idx' | 'meta') =>
  app.ctx.objects.localPath(packKey(repoId, hash, extension))!;

describe('star counts', () => {
  const wrong = { star_count_mismatch: { repo_id: '', expected: 3, actual: 1 } };
  beforeEach(async () => {
    wrong.star_count_mismatch.repo_id = repoId;
    await database.db.sql`INSERT INTO repo_stars (repo_id, agent_id) VALUES (${repoId}, ${owner.agentId})`;
    await database.db.sql`INSERT INTO repo_star_counts (repo_id, stars) VALUES (${repoId}, 3)
      ON CONFLICT (repo_id) DO UPDATE SET stars = 3`;
  });
  const count = async () => (await database.db.sql`SELECT stars FROM repo_star_counts WHERE repo_id = ${repoId}`)[0];

  it('that are wrong are found, each time in the log and once a day in the audit log', async () => {
    for (const _ of [1, 2]) {
      expect(await run('star_count')).toMatchObject({
        ...{ check_type: 'star_count', drifts_found: [wrong], items_checked: 1, fixed: 0 },
        started_at: expect.stringMatching(/Z$/),
      });
    }
    expect(told()).toMatchObject([{ level: 40, check: 'star_count', drift: wrong }, { drift: wrong }]);
    expect(await audited()).toEqual([wrong]);
    expect(await count()).toEqual({ stars: 3 });
    await database.db.sql`ALTER TABLE audit_log DISABLE TRIGGER USER`;
    await database.db.sql`UPDATE audit_log SET timestamp = timestamp - interval '25 hours' WHERE chain_id = ${repoId}`;
    await database.db.sql`ALTER TABLE audit_log ENABLE TRIGGER USER`;
    await run('star_count');
    expect(await audited()).toEqual([wrong, wrong]);
    const metric = await app.ctx.metrics.registry.getSingleMetricAsString('reconciliation_drifts_total');
    expect(metric).toMatch(/kind="star_count_mismatch"} \d/);
  });

  it('are put right when that is asked for, with an audit row', async () => {
    expect(await run('star_count', true)).toMatchObject({ drifts_found: [wrong], fixed: 1 });
    expect(await count()).toEqual({ stars: 1 });
    expect([await audited(), await audited('drift_fixed')]).toEqual([[wrong], [wrong]]);
    expect(await run('star_count', true)).toMatchObject({ drifts_found: [], fixed: 0 });
    await database.db.sql`DELETE FROM repo_star_counts`;
    expect(await run('star_count', true)).toMatchObject({ fixed: 1 });
    expect(await count()).toEqual({ stars: 1 });
  });
});

it('pull requests whose state and time of merging disagree are found', async () => {
  const add = (prId: string, status: string, mergedAt: Date | null) => database.db.sql`
    INSERT INTO pull_requests (pr_id, repo_id, author_id, source_branch, target_branch, title, status, merged_at, number)
    VALUES (${prId}, ${repoId}, ${owner.agentId}, 's', 'main', 't', ${status}::pr_status, ${mergedAt}, ${prId.length})`;
  await add('a', 'merged', null);
  await add('bb', 'open', new Date());
  await add('ccc', 'closed', new Date());
  await add('dddd', 'merged', new Date());
  await add('eeeee', 'open', null);
  const found = [
    { merged_pr_missing_timestamp: { repo_id: repoId, pr_id: 'a' } },
    { pr_status_inconsistent: { repo_id: repoId, pr_id: 'bb', status: 'open', has_merged_at: true } },
    { pr_status_inconsistent: { repo_id: repoId, pr_id: 'ccc', status: 'closed', has_merged_at: true } },
  ];
  expect(await run('pr_state_invariants', true)).toMatchObject({ drifts_found: found, items_checked: 5, fixed: 0 });
  expect(await audited()).toEqual(found);
});

describe('refs', () => {
  it('are found whose object is in no pack of the store', async () => {
    const { packs, commits } = await pushTwice();
    expect(await run('ref_consistency')).toMatchObject({ drifts_found: [], items_checked: 2 });
    await rename(path(packs[1]!, 'pack'), path(packs[1]!, 'pack').replace('.pack', '.gone'));
    const orphan = { orphaned_ref: { repo_id: repoId, ref_name: 'refs/heads/topic', oid: commits[1] } };
    expect(await drifts('ref_consistency')).toEqual([orphan]);
    await rename(path(packs[1]!, 'pack').replace('.pack', '.gone'), path(packs[1]!, 'pack'));
    await database.db.sql`UPDATE repo_refs SET oid = ${'1'.repeat(40)} WHERE ref_name = 'refs/heads/main'`;
    await database.db.sql`UPDATE repositories SET refs_version = refs_version + 1`;
    expect(await drifts('ref_consistency')).toEqual([
      { orphaned_ref: { repo_id: repoId, ref_name: 'refs/heads/main', oid: '1'.repeat(40) } },
    ]);
  });

  it('of every repository are looked at, however many there are', async () => {
    await database.db.sql`INSERT INTO repositories (repo_id, owner_id, name)
      SELECT 'r' || n, ${owner.agentId}, 'r' || n FROM generate_series(1, 250) n`;
    await database.db.sql`INSERT INTO repo_refs (repo_id, ref_name, oid)
      SELECT 'r' || n, 'refs/heads/main', repeat('2', 40) FROM generate_series(1, 250) n`;
    const { drifts_found, items_checked } = await run('ref_consistency');
    expect([drifts_found.length, items_checked]).toEqual([250, 250]);
  });
});

describe('the object store', () => {
  it('is compared with the catalog: what is missing, what is unknown, what has another size', async () => {
    const { packs } = await pushTwice();
    expect(await drifts('storage_comparison')).toEqual([]);
    const { objects } = app.ctx;
    const unknown = packKey(repoId, 'f'.repeat(40), 'pack');
    const options = { contentType: 'application/octet-stream' };
    for (const key of [unknown, `${repoId}/notes.txt`]) await objects.put(key, Buffer.from('x'), options);
    // A push that has not committed yet looks the same.
    expect(await drifts('storage_comparison')).toEqual([]);
    const { utimes } = await import('node:fs/promises');
    for (const key of [unknown, `${repoId}/notes.txt`]) await utimes(objects.localPath(key)!, 1, 1);
    await rm(path(packs[0]!, 'idx'));
    const [row] = await database.db.sql<[{ bytes: number }]>`SELECT bytes FROM packs WHERE hash = ${packs[1]!}`;
    await objects.put(packKey(repoId, packs[1]!, 'pack'), Buffer.from('short'), options);
    const key = packKey(repoId, packs[1]!, 'pack');
    expect(await drifts('storage_comparison')).toEqual(
      expect.arrayContaining([
        { missing_key: { repo_id: repoId, key: packKey(repoId, packs[0]!, 'idx') } },
        { wrong_size: { repo_id: repoId, key, expected: row.bytes, actual: 5 } },
        { unknown_key: { repo_id: repoId, key: unknown } },
        { unknown_key: { repo_id: repoId, key: `${repoId}/notes.txt` } },
      ]),
    );
    await database.db.sql`INSERT INTO staged_packs (repo_id, hash) VALUES (${repoId}, ${'f'.repeat(40)})`;
    expect(await drifts('storage_comparison')).toHaveLength(3);
    // What nobody reads any more may be missing.
    await database.db.sql`UPDATE packs SET state = 'superseded'`;
    expect(await drifts('storage_comparison')).toEqual([
      { unknown_key: { repo_id: repoId, key: `${repoId}/notes.txt` } },
    ]);
    expect(await objects.head(unknown)).toBeDefined();
  });
});

describe('the schedule', () => {
  const due = () => reconcileDue(app.ctx, signal);
  const age = (secs: number) => database.db.sql`
    UPDATE reconciliation_checks SET started_at = now() - make_interval(secs => ${secs}), lease_until = NULL`;
  beforeEach(() => database.db.sql`DELETE FROM reconciliation_checks`);

  it('runs every check an interval after the first start, once for all nodes', async () => {
    await database.db.sql`UPDATE repo_star_counts SET stars = 9`;
    expect(await due()).toBe(0);
    const rows = await database.db.sql`SELECT check_type FROM reconciliation_checks ORDER BY check_type`;
    expect(rows.map((row) => row.check_type)).toEqual(CHECKS.map((check) => check.type).sort());
    await age(299);
    expect(await due()).toBe(0);
    await age(301);
    const all = await Promise.all(Array.from({ length: 5 }, due));
    expect(all.reduce((sum, found) => sum + found, 0)).toBe(1);
    expect(told()).toHaveLength(1);
    expect(await due()).toBe(0);
  });

  it('goes on where a round ended, and takes over from a node that died', async () => {
    await due();
    await database.db.sql`INSERT INTO repositories (repo_id, owner_id, name)
      SELECT 'r' || lpad(n::text, 3, '0'), ${owner.agentId}, 'r' || n FROM generate_series(1, 150) n`;
    await age(601);
    await due();
    const cursor = async () =>
      (
        await database.db.sql`
      SELECT cursor FROM reconciliation_checks WHERE check_type = 'ref_consistency'`
      )[0]?.cursor;
    const first = await cursor();
    expect(first).not.toBe('');
    await database.db.sql`UPDATE reconciliation_checks SET started_at = now() - interval '10 seconds',
      lease_until = now() + interval '1 minute'`;
    await due();
    expect(await cursor()).toBe(first);
    await database.db.sql`UPDATE reconciliation_checks SET lease_until = now() - interval '1 second'`;
    await due();
    expect(await cursor()).toBe('');
  });

  it('leaves out what is switched off, and survives a check that fails', async () => {
    const off = { ...app.ctx, config: { ...app.ctx.config, RECONCILE_STARS_SECS: 0, RECONCILE_SCRUB_OBJECTS: 0 } };
    expect(await reconcileDue(off, signal)).toBe(0);
    const rows = await database.db.sql`SELECT check_type FROM reconciliation_checks`;
    expect(rows.map((row) => row.check_type)).not.toContain('star_count');
    expect(rows).toHaveLength(CHECKS.length - 2);
    await due();
    await age(100_000);
    await pushTwice();
    const broken = new Proxy(app.ctx.objects, {
      get: (target, name) =>
        ['head', 'list', 'get'].includes(String(name))
          ? () => {
              throw new Error('no store');
            }
          : Reflect.get(target, name),
    });
    expect(await reconcileDue({ ...app.ctx, objects: broken }, signal)).toBe(0);
    expect(app.logs.map((line) => line.msg)).toContain('a repository could not be checked');
    expect(app.logs.map((line) => line.msg)).toContain('a reconciliation check failed, will be tried again');
    expect(told()).toEqual([]);
  });
});
