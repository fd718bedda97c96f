import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  type DeleteMarkerEntry,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type ObjectVersion,
  PutBucketVersioningCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../support/agent.js';
import { type DebianPostgres, startDebianPostgres } from '../support/debian-postgres.js';
import { s3Env } from '../support/deployment.js';
import { ServerProcess } from '../support/node.js';
import { createTestBucket, plainClient, type TestBucket } from '../support/s3.js';

let postgres: DebianPostgres;
let bucket: TestBucket;
let folder: string;
let node: ServerProcess;
let port: number;
let agent: TestAgent;
let work: string;
let kept: { cloneUrl: string; repoId: string };
let fork: { cloneUrl: string; repoId: string };
let younger: { repoId: string };
/** Refs at the time of the dump. */
let before: Map<string, string>;

const env = (database: string) => ({
  ...{ DATABASE_URL: postgres.url(database), GITCLAW_DATA_DIR: join(folder, database), RATE_LIMIT_ENABLED: 'false' },
  ...s3Env(bucket),
});
const startNode = (database: string) => ServerProcess.start({ env: env(database), port });
const sql = (database: string, text: string) =>
  postgres.run('psql', ['-qAtX', '-d', postgres.url(database), '-c', text]);
const push = (...args: string[]) => agent.git(['push', '-q', ...args], { cwd: work });
const check = async (database: string) => {
  const result = await agent.cli(['restore-check', '--json'], { ok: false, env: env(database) });
  return { code: result.code, stderr: result.stderr, report: JSON.parse(result.stdout) };
};

/** Every version of every object, and every mark of a deletion. */
async function versions() {
  const client = plainClient(bucket);
  const bodies: ObjectVersion[] = [];
  const marks: DeleteMarkerEntry[] = [];
  let page: ListObjectVersionsCommandOutput | undefined;
  do {
    const after = { KeyMarker: page?.NextKeyMarker, VersionIdMarker: page?.NextVersionIdMarker };
    page = await client.send(new ListObjectVersionsCommand({ Bucket: bucket.bucket, ...after }));
    bodies.push(...(page.Versions ?? []));
    marks.push(...(page.DeleteMarkers ?? []));
  } while (page.IsTruncated);
  client.destroy();
  return { bodies, marks };
}
async function remove(all: { Key?: string | undefined; VersionId?: string | undefined }[]) {
  const client = plainClient(bucket);
  for (const { Key, VersionId } of all) {
    await client.send(new DeleteObjectCommand({ Bucket: bucket.bucket, Key, VersionId }));
  }
  client.destroy();
}

/** Work, a dump in the middle of it, more work, and then database and objects are gone. */
beforeAll(async () => {
  [postgres, bucket] = [await startDebianPostgres(), await createTestBucket()];
  folder = await mkdtemp(join(tmpdir(), 'gitclaw-restore-'));
  const versioning = { Bucket: bucket.bucket, VersioningConfiguration: { Status: 'Enabled' as const } };
  await plainClient(bucket).send(new PutBucketVersioningCommand(versioning));
  await sql('postgres', 'CREATE DATABASE live');
  node = await ServerProcess.start({ env: env('live') });
  port = node.port;
  agent = await TestAgent.setup(node.url, 'ada');
  await agent.cli(['setup', node.url, '--sign-pushes']);
  kept = await agent.createRepo('kept');
  // Its two packs must stay two: one of them will be lost.
  const never = `now() + interval '1 day'`;
  await sql('live', `INSERT INTO pack_maintenance (repo_id, locked_until) VALUES ('${kept.repoId}', ${never})`);
  work = (await agent.sandbox.seedHistory({ seed: 7, commits: 60, merges: 5, tags: 2 })).dir;
  await agent.git(['tag', 'first'], { cwd: work });
  await push('--mirror', kept.cloneUrl);
  await agent.git(['commit', '-q', '--allow-empty', '-m', 'second'], { cwd: work });
  await agent.git(['tag', '-a', '-m', 'noted', 'second'], { cwd: work });
  await push(kept.cloneUrl, 'main', 'second');
  fork = await agent.client.forkRepo(kept.repoId, { name: 'fork' });
  before = await agent.remoteRefs(kept.cloneUrl);

  await postgres.run('pg_dump', ['-Fc', '-f', join(folder, 'custom.dump'), '-d', postgres.url('live')]);
  const plain = await postgres.run('pg_dump', ['-d', postgres.url('live')]);
  await writeFile(join(folder, 'plain.sql.gz'), gzipSync(plain));

  await agent.git(['commit', '-q', '--allow-empty', '-m', 'after the dump'], { cwd: work });
  await push(kept.cloneUrl, 'main');
  younger = await agent.createRepo('younger');
  await push(`${node.url}/ada/younger.git`, 'main');
  await node.stop();
  await sql('postgres', 'DROP DATABASE live');
  await remove((await versions()).bodies.map(({ Key }) => ({ Key })));
});

afterAll(async () => {
  await node?.stop();
  agent?.dispose();
  await postgres?.stop();
  const { bodies, marks } = await versions();
  await remove([...bodies, ...marks]);
  await bucket?.drop();
  await rm(folder, { recursive: true, force: true });
});

describe('a lost deployment', () => {
  test('has nothing but what a dump and the versions of the bucket hold', async () => {
    await sql('postgres', 'CREATE DATABASE custom');
    await postgres.run('pg_restore', ['--exit-on-error', '-d', postgres.url('custom'), join(folder, 'custom.dump')]);
    const { code, report } = await check('custom');
    expect(code).toBe(1);
    const lost = report.lostRefs.map(({ repository, refName }: Record<string, string>) => `${repository} ${refName}`);
    expect(
      lost
        .filter((name: string) => name.startsWith('ada/kept '))
        .map((name: string) => name.slice(9))
        .sort(),
    ).toEqual([...before.keys()].filter((name) => name.startsWith('refs/') && !name.endsWith('^{}')).sort());
    expect(report).toMatchObject({ ok: false, repositories: 2, newerPacks: [], unknownRepositories: [] });
  });

  test('comes back from both, and is told what came after the dump', async () => {
    await remove((await versions()).marks);
    const { code, stderr, report } = await check('custom');
    expect([code, report.lostRefs, report.missingKeys]).toEqual([1, [], []]);
    expect(report.newerPacks.map(({ repoId }: { repoId: string }) => repoId).sort()).toEqual(
      [kept.repoId, younger.repoId].sort(),
    );
    expect(report.unknownRepositories).toEqual([younger.repoId]);
    expect(stderr).toMatch(/0 refs lost, 0 files missing, 2 packs newer than the dump.*push again/);
    const { stdout } = await agent.cli(['restore-check'], { ok: false, env: env('custom') });
    expect(stdout).toMatch(
      new RegExp(`^newer pack\\t${kept.repoId}/objects/pack/pack-[0-9a-f]{40}.pack\\t.*Z\\t\\d+$`, 'm'),
    );
    expect(stdout).toContain(`unknown repository\t${younger.repoId}\n`);
  });

  test('serves what it served, proves its history, and takes the lost pushes again', async () => {
    node = await startNode('custom');
    for (const { cloneUrl } of [kept, fork]) {
      const clone = agent.sandbox.path(`clone-${cloneUrl.split('/').at(-1)}`);
      await agent.git(['clone', '-q', '--mirror', cloneUrl, clone]);
      await agent.git(['fsck', '--full', '--strict'], { cwd: clone });
    }
    expect(await agent.remoteRefs(kept.cloneUrl)).toEqual(before);
    const file = join(folder, 'audit.jsonl');
    await agent.cli(['audit', 'export', '--output', file], { env: env('custom') });
    const verified = JSON.parse((await agent.cli(['verify', file, '--json'])).stdout);
    expect(verified).toMatchObject({ ok: true, certificates: 2 });
    await push(kept.cloneUrl, 'main');
    const again = await agent.createRepo('younger');
    await push(again.cloneUrl, 'main');
    await node.stop();
    const { report } = await check('custom');
    expect(report).toMatchObject({ lostRefs: [], missingKeys: [], unknownRepositories: [younger.repoId] });
  });

  test('comes back from a compressed dump in plain SQL, where the loss of one pack names the refs that need it', async () => {
    await sql('postgres', 'CREATE DATABASE plain');
    await writeFile(join(folder, 'plain.sql'), gunzipSync(await readGzip()));
    await postgres.run('psql', [
      '-qX',
      '-v',
      'ON_ERROR_STOP=1',
      '-d',
      postgres.url('plain'),
      '-f',
      join(folder, 'plain.sql'),
    ]);
    const hash = (
      await sql('plain', `SELECT hash FROM packs WHERE repo_id = '${kept.repoId}' ORDER BY seq DESC LIMIT 1`)
    )
      .toString()
      .trim();
    const key = `${kept.repoId}/objects/pack/pack-${hash}.pack`;
    await remove([{ Key: key }]);
    const { code, stderr, report } = await check('plain');
    expect(code).toBe(1);
    const lost = report.lostRefs.map(({ repository, refName }: Record<string, string>) => `${repository} ${refName}`);
    // The fork reads the same pack.
    expect(lost.sort()).toEqual([
      ...[
        'ada/fork refs/heads/main',
        'ada/fork refs/tags/second',
        'ada/kept refs/heads/main',
        'ada/kept refs/tags/second',
      ],
    ]);
    expect(report.missingKeys).toEqual([key]);
    expect(stderr).toContain('4 refs lost, 1 files missing');
    const found = await agent.cli(['reconcile', 'ref_consistency', 'storage_comparison', '--json'], {
      ok: false,
      env: env('plain'),
    });
    expect(found.code).toBe(1);
    const [refs, storage] = JSON.parse(found.stdout) as { drifts_found: Record<string, unknown>[] }[];
    expect(refs?.drifts_found).toHaveLength(4);
    expect(storage?.drifts_found).toEqual([{ missing_key: { repo_id: kept.repoId, key } }]);
  });

  async function readGzip(): Promise<Buffer> {
    const { readFile } = await import('node:fs/promises');
    return readFile(join(folder, 'plain.sql.gz'));
  }
});
