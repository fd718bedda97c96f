/** Clocks that differ, and disks that are full: what a doctor is called for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { s3Env } from '../../test/support/deployment.js';
import { startFaultProxy } from '../../test/support/fault-proxy.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createTestBucket, type TestBucket } from '../../test/support/s3.js';
import { examineAll, type Finding } from './index.js';

const GiB = 1024 ** 3;

let folder: string;
let database: TestDatabase;
let bucket: TestBucket;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gitclaw-doctor-'));
  [database, bucket] = await Promise.all([createTestDatabase(), createTestBucket()]);
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await database.drop();
  await bucket.drop();
  rmSync(folder, { recursive: true, force: true });
});

const examine = (change: Record<string, string> = {}, freeBytes = async () => 100 * GiB) =>
  examineAll(
    {
      ...{ DATABASE_URL: database.url, GITCLAW_DATA_DIR: join(folder, 'data'), CI_ENABLED: 'false', PORT: '0' },
      ...{ ...s3Env(bucket), ...change },
    },
    folder,
    freeBytes,
  );
const of = (findings: Finding[], subject: string) => findings.filter((each) => each.subject === subject);

/** Sets the clock of this process; those of Postgres and of the S3 server are right. */
function setClock(offMs: number): void {
  const at = Date.now() + offMs;
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(at);
}

describe('clocks', () => {
  it('that agree are no trouble', async () => {
    const found = await examine();
    // What a question takes on its way cannot be told from a difference.
    const [database, s3] = [
      /^database \d{1,2} ms (ahead of|behind) this machine$/,
      /^[01] s (ahead of|behind) this machine$/,
    ];
    expect(of(found, 'clocks')).toMatchObject([{ status: 'ok', detail: expect.stringMatching(database) }]);
    expect(of(found, 'S3 clock')).toMatchObject([{ status: 'ok', detail: expect.stringMatching(s3) }]);
  });

  it.each([
    [-5_000, 'warn', /^database (4|5)\d{3} ms ahead of this machine$/],
    [-40_000, 'fail', /^database (39|40)\d{3} ms ahead of this machine$/],
    [40_000, 'fail', /^database (39|40)\d{3} ms behind this machine$/],
  ])('this machine %d ms off is told by Postgres', async (offMs, status, detail) => {
    setClock(offMs);
    expect(of(await examine(), 'clocks')).toEqual([
      {
        subject: 'clocks',
        status,
        detail: expect.stringMatching(detail),
        hint: expect.stringContaining('time server'),
      },
    ]);
  });

  it('this machine far off is told by S3, which refuses its requests', async () => {
    setClock(-20 * 60_000);
    const found = await examine();
    expect(of(found, 'S3 clock')).toMatchObject([
      {
        status: 'fail',
        detail: expect.stringMatching(/^(1199|120\d) s ahead of this machine$/),
        hint: expect.stringContaining('15 minutes'),
      },
    ]);
    expect(of(found, 'object store')).toMatchObject([
      { status: 'fail', hint: expect.stringContaining("machine's clock") },
    ]);
  });

  it('this machine some minutes off is told before S3 refuses anything', async () => {
    setClock(5 * 60_000);
    const found = await examine();
    expect(of(found, 'S3 clock')).toMatchObject([
      { status: 'warn', detail: expect.stringMatching(/^(299|30\d) s behind this machine$/) },
    ]);
    expect(of(found, 'objects')).toMatchObject([{ status: 'ok' }]);
  });

  it('Postgres alone off: the one by which signatures are judged', async () => {
    const { sql } = database.db;
    await sql`CREATE SCHEMA late`;
    await sql`CREATE FUNCTION late.clock_timestamp() RETURNS timestamptz LANGUAGE sql
      AS $$ SELECT pg_catalog.clock_timestamp() - interval '1 hour' $$`;
    const url = new URL(database.url);
    url.searchParams.set('search_path', 'late,pg_catalog,public');
    const found = await examine({ DATABASE_URL: url.href });
    expect(of(found, 'clocks')).toMatchObject([
      { status: 'fail', detail: expect.stringMatching(/^database 3[56]\d{5} ms behind this machine$/) },
    ]);
    expect(of(found, 'S3 clock')).toMatchObject([{ status: 'ok' }]);
    expect(of(found, 'schema')).toMatchObject([{ status: 'ok' }]);
  });

  it('of S3 are left out where there is no S3, no answer or no time in it', async () => {
    const subjects = async (change: Record<string, string>) => of(await examine(change), 'S3 clock');
    expect(await subjects({ S3_BUCKET: '' })).toEqual([]);
    const proxy = await startFaultProxy(bucket.endpoint!);
    proxy.decide = () => ({ kind: 'reset' });
    expect(await subjects({ S3_ENDPOINT: proxy.endpoint })).toEqual([]);
    await proxy.close();
  });
});

describe('disk space', () => {
  it.each([
    [3 * GiB, 'ok', '3072 MiB free'],
    [1 * GiB, 'warn', '1024 MiB free'],
    [50 * 1024 ** 2, 'fail', '50 MiB free'],
    [0, 'fail', '0 MiB free'],
  ])('%d bytes: %s', async (free, status, detail) => {
    const [finding] = of(await examine({}, async () => free), 'disk space');
    expect(finding).toMatchObject({ status, detail });
    if (status !== 'ok') expect(finding?.hint).toMatch(/^make room/);
  });

  it('that cannot be told keeps nothing else from being looked at', async () => {
    const found = await examine({}, async () => {
      throw Object.assign(new Error('ENOSYS: function not implemented, statfs'), { code: 'ENOSYS' });
    });
    expect(of(found, 'data folder')).toMatchObject([{ status: 'fail', detail: expect.stringContaining('statfs') }]);
    expect(of(found, 'schema')).toMatchObject([{ status: 'ok' }]);
  });
});
