import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { gitclaw } from '../../test/support/cli.js';
import { s3Env } from '../../test/support/deployment.js';
import { GitSandbox } from '../../test/support/git.js';
import { startTestApp } from '../../test/support/http.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createTestBucket, type TestBucket, testS3Config } from '../../test/support/s3.js';
import { readConfig } from '../config.js';
import { revertLast } from '../db/index.js';
import { openObjectStore } from '../storage/index.js';
import { within } from './examine.js';
import { examineAll, type Finding } from './index.js';
import { examineNodeVersion } from './node-version.js';

let folder: string;
let database: TestDatabase;
let bucket: TestBucket;
let good: Record<string, string>;
const sandbox = new GitSandbox();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gitclaw-doctor-'));
  [database, bucket] = [await createTestDatabase(), await createTestBucket()];
});
afterAll(async () => {
  await database.drop();
  await bucket.drop();
  rmSync(folder, { recursive: true, force: true });
  sandbox.dispose();
});
beforeEach(() => {
  good = {
    ...{ DATABASE_URL: database.url, GITCLAW_DATA_DIR: join(folder, 'data'), CI_ENABLED: 'false', PORT: '0' },
    ...{ ...s3Env(bucket), PATH: process.env.PATH ?? '' },
  };
});

const examine = (change: Record<string, string> = {}) => examineAll({ ...good, ...change }, folder);
const of = (findings: Finding[], ...subjects: string[]) =>
  findings.filter(({ subject }) => subjects.includes(subject)).map(({ status, detail }) => `${status} ${detail}`);
const troubles = (findings: Finding[]) => findings.filter(({ status }) => status !== 'ok');

describe('a deployment in good health', () => {
  it('has nothing to complain about, and keeps no trace of the probes', async () => {
    const found = await examine();
    expect(troubles(found).filter(({ subject }) => subject !== 'disk space')).toEqual([]);
    expect(found.map(({ subject }) => subject)).toEqual([
      ...['Node.js', 'settings', 'data folder', 'disk space', 'Postgres', 'clocks', 'schema'],
      ...['checkpoint key', 'nonce secret', 'object store', 'objects', 'S3 clock', 'CI runs', 'git', 'address'],
    ]);
    expect(of(found, 'object store')).toEqual([`ok bucket ${bucket.bucket} at ${bucket.endpoint}`]);
    const store = await openObjectStore({ s3: bucket, GITCLAW_DATA_DIR: folder });
    for await (const { key } of store.list('')) throw new Error(`left behind: ${key}`);
    await store.close();
    expect(await database.db.sql`SELECT 1 FROM server_secrets`).toHaveLength(0);
  });

  it('may have no configuration at all', async () => {
    const found = await examineAll({ PATH: '', GITCLAW_DATA_DIR: join(folder, 'new'), PORT: '0' }, folder);
    expect(of(found, 'Postgres')).toEqual([`ok embedded; it will be made in ${join(folder, 'new')}`]);
    expect(of(found, 'object store', 'objects')).toEqual([
      `ok files in ${join(folder, 'new')}`,
      'ok written, read, listed and deleted',
    ]);
    expect(of(found, 'git')).toEqual(['warn not on the PATH']);
  });

  it('is told as a table, as JSON, and by the exit code', async () => {
    const env = { ...good, PATH: process.env.PATH ?? '' };
    const table = await gitclaw(sandbox, ['doctor'], { env });
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/^ok {4}Node\.js {9}\d+\.\d+\.\d+$/m);
    const bad = await gitclaw(sandbox, ['doctor'], {
      env: { ...env, DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x' },
    });
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(
      /^fail {2}Postgres +Connection refused: no Postgres answers at 127\.0\.0\.1:1 .*\n {20}check that/m,
    );
    expect(bad.stdout + bad.stderr).not.toContain('secret@');
    expect(bad.stderr).toMatch(/^error: 1 of \d+ checks failed\n/);
    const json = await gitclaw(sandbox, ['doctor', '--json'], { env: { ...env, PORT: 'many' } });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject([
      { subject: 'Node.js', status: 'ok' },
      { subject: 'settings', status: 'fail', detail: expect.stringContaining('PORT must be') },
    ]);
  });
});

describe('what is wrong is found, while the rest is looked at all the same', () => {
  it('database: not there, unknown, without a schema, older, newer', async () => {
    const refused = await examine({ DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/x' });
    expect(of(refused, 'Postgres', 'objects')).toEqual([
      'fail Connection refused: no Postgres answers at 127.0.0.1:1 (DATABASE_URL)',
      'ok written, read, listed and deleted',
    ]);
    const nowhere = new URL(database.url);
    nowhere.pathname = '/nowhere';
    expect(of(await examine({ DATABASE_URL: nowhere.href }), 'Postgres')[0]).toMatch(/^fail The database named in/);

    const empty = await createTestDatabase({ empty: true });
    const url = { DATABASE_URL: empty.url };
    expect(of(await examine(url), 'schema')).toEqual(['warn there is none yet; the next start of a node applies it']);
    expect(of(await examine({ ...url, DATABASE_MIGRATE_ON_START: 'false' }), 'schema')[0]).toMatch(
      /^fail there is none/,
    );
    await empty.drop();
    const old = await createTestDatabase();
    await revertLast(old.db);
    expect(of(await examine({ DATABASE_URL: old.url }), 'schema')[0]).toMatch(/^warn 1 of \d+ migrations are missing/);
    await old.db.sql`INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 99999999999999)`;
    expect(of(await examine({ DATABASE_URL: old.url }), 'schema')[0]).toMatch(/^fail The database has 1 migration/);
    await old.drop();
    expect(of(await examine({ DATABASE_MAX_CONNECTIONS: '900' }), 'Postgres')[0]).toMatch(
      /^warn \d+\.\d+ .*300 connections$/,
    );
  });

  it('keys that are damaged', async () => {
    await database.db.sql`INSERT INTO server_secrets (name, value) VALUES ('audit_key', 'x'), ('git_nonce', 'y')`;
    const found = await examine();
    await database.db.sql`DELETE FROM server_secrets`;
    expect(of(found, 'checkpoint key', 'nonce secret')).toEqual([
      'fail the row audit_key of server_secrets is damaged',
      'fail the row git_nonce of server_secrets is damaged',
    ]);
  });

  it('object store: not there, wrong key, no bucket, a bucket that is still to be made', async () => {
    const at = async (env: Record<string, string>) =>
      (await examine(env)).find(({ subject }) => subject === 'object store');
    expect(await at({ S3_ENDPOINT: 'http://127.0.0.1:9' })).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('cannot be reached'),
      hint: expect.stringContaining('check S3_ENDPOINT'),
    });
    const denied = await at({ S3_SECRET_ACCESS_KEY: 'wrong-secret' });
    expect(denied).toMatchObject({ status: 'fail', hint: expect.stringContaining('s3:PutObject') });
    expect(denied?.detail).toMatch(/^S3 operation failed: Access Denied \(bucket/);
    const { bucket: missing } = await testS3Config();
    expect(await at({ S3_BUCKET: missing })).toMatchObject({
      status: 'fail',
      hint: expect.stringContaining('make the bucket'),
    });
    expect(await at({ S3_BUCKET: missing, S3_AUTO_CREATE_BUCKET: 'true' })).toMatchObject({ status: 'warn' });
    expect(await at({ S3_BUCKET: missing })).toMatchObject({ status: 'fail' });
  });

  it('data folder, address, isolation, settings and .env', async () => {
    writeFileSync(join(folder, 'file'), '');
    const other = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    await new Promise((done) => other.once('listening', done));
    const { port } = other.address() as AddressInfo;
    const found = await examine({
      ...{ GITCLAW_DATA_DIR: join(folder, 'file', 'below'), PORT: String(port) },
      ...{ CI_ENABLED: 'true', CI_DRIVER: 'docker', DOCKER_HOST: 'tcp://127.0.0.1:1' },
    });
    other.close();
    expect(of(found, 'data folder')[0]).toMatch(/^fail .*below cannot be written \(ENOTDIR\)$/);
    expect(of(found, 'address')).toEqual([`fail 127.0.0.1:${port} is in use by another program`]);
    expect(of(found, 'CI runs')[0]).toMatch(/^warn No isolation is available: /);
    expect(of(found, 'Postgres', 'schema')).toEqual([expect.stringMatching(/^ok/), expect.stringMatching(/^ok/)]);
    expect(of(await examine({ HOST: '0.0.0.0' }), 'public URL')).toEqual(['warn not set']);
    writeFileSync(join(folder, '.env'), 'nonsense\n');
    expect(of(await examine(), 'settings')[0]).toMatch(/^fail .*\.env line 1 is not NAME=value/);
    rmSync(join(folder, '.env'));
    expect(examineNodeVersion('20.18.3')).toMatchObject({ status: 'fail', hint: expect.stringContaining('20.19') });
    expect(['20.19.0', '22.0.0'].map((version) => examineNodeVersion(version).status)).toEqual(['ok', 'ok']);
  });

  it('what never answers, or breaks', async () => {
    const surroundings = { config: readConfig({}), path: '', freeBytes: async () => 0 };
    const never = { subject: 'thing', run: () => new Promise<Finding[]>(() => {}) };
    expect(await within(never, surroundings, 20)).toMatchObject([
      { status: 'fail', detail: 'no answer within 0.02 s' },
    ]);
    const broken = { subject: 'thing', run: () => Promise.reject(new Error('one\ntwo')) };
    expect(await within(broken, surroundings)).toMatchObject([{ status: 'fail', detail: 'one' }]);
  });
});

it('a node that runs already is no trouble', async () => {
  const app = await startTestApp({ db: database.db });
  const found = await examine({ PORT: new URL(app.url).port });
  await app.close();
  expect(of(found, 'address')[0]).toMatch(/^ok a GitClaw node answers on 127\.0\.0\.1:\d+$/);
});
