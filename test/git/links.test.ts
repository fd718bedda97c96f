/** Clients that are sent to the object store: packfile-uris and bundle-uri of protocol 2, on a real S3 server. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeBundles, removeOldBundles } from '../../src/bundles/index.js';
import { FLUSH, pktLine, readPackets } from '../../src/git/index.js';
import { forgetRepository } from '../../src/repos/index.js';
import { bundleKey, type ObjectStore, openObjectStore, packKey } from '../../src/storage/index.js';
import { s3Env } from '../support/deployment.js';
import { GitSandbox, type SeededRepository } from '../support/git.js';
import { gitAuthorization, startGitApp } from '../support/git-app.js';
import { newAgent, newRepository, signedRequest, type TestAgent, type TestApp } from '../support/http.js';
import { createTestBucket, type TestBucket } from '../support/s3.js';

const never = new AbortController().signal;
const BY_LINK = 'fetch.uriprotocols=http,https';

let bucket: TestBucket;
let objects: ObjectStore;
let app: TestApp;
let owner: TestAgent;
let repo: { repoId: string; cloneUrl: string };
let source: SeededRepository;
let count = 0;
const sandbox = new GitSandbox();

beforeAll(async () => {
  bucket = await createTestBucket();
  objects = await openObjectStore({ GITCLAW_DATA_DIR: sandbox.path('none'), s3: bucket });
  app = await startGitApp(
    { objects },
    { ...s3Env(bucket), GITCLAW_BUNDLE_URI: 'true', GITCLAW_PACKFILE_URIS: 'true', GITCLAW_LINK_MIN_BYTES: '20000' },
  );
  owner = await newAgent(app);
});
afterAll(async () => {
  await app?.close();
  await bucket?.drop();
  sandbox.dispose();
});

beforeEach(async () => {
  count += 1;
  repo = await newRepository(app, owner, { visibility: 'private' });
  source = await sandbox.seedHistory({ seed: count, commits: 60, tags: 4 });
  await push('--all');
  await push('--tags');
});

const as = () => ['-c', gitAuthorization(app, owner, repo.repoId).replace('http.', `http.${app.url}.`)];
const git = async (cwd: string, ...args: string[]) => (await sandbox.git(args, { cwd })).stdout.trim();
const push = (...args: string[]) => git(source.dir, ...as(), 'push', '-q', repo.cloneUrl, ...args);
const commit = async (file: string, content: string) => {
  appendFileSync(join(source.dir, file), content);
  await git(source.dir, 'add', '-A');
  await git(source.dir, 'commit', '-q', '-m', file);
};

/** Clones all refs as they are. */
async function clone(...config: string[]) {
  const dir = sandbox.path(`copy-${count}-${Math.random().toString(36).slice(2)}`);
  const trace = `${dir}.trace`;
  const options = config.flatMap((option) => (option.startsWith('--') ? [] : ['-c', option]));
  const flags = config.filter((option) => option.startsWith('--'));
  const result = await sandbox.git(
    [...as(), ...options, 'clone', '--bare', '--progress', ...flags, repo.cloneUrl, dir],
    {
      env: { GIT_TRACE_PACKET: trace, GIT_TRACE_REDACT: '0' },
      ok: false,
    },
  );
  const links = readFileSync(trace, 'utf8').match(/[0-9a-f]{40} https?:\/\/\S+/g) ?? [];
  return { ...result, dir, links: [...new Set(links)] };
}

async function expectSame(dir: string) {
  const refs = async (path: string) =>
    (await git(path, 'for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads', 'refs/tags')).split('\n');
  expect(await refs(dir)).toEqual(await refs(source.dir));
  expect(await git(dir, 'fsck', '--strict', '--full')).toBe('');
}

describe('packfile-uris', () => {
  test('a clone gets whole packs from S3 and the rest from us', async () => {
    await commit('late.txt', 'a late change\n');
    await push('main');
    const { code, stderr, dir, links } = await clone(BY_LINK);
    expect(code, stderr).toBe(0);
    expect(links).toHaveLength(1);
    expect(links[0]).toContain(
      `${bucket.endpoint}/${bucket.bucket}/${repo.repoId}/objects/pack/pack-${links[0]?.slice(0, 40)}.pack?`,
    );
    await expectSame(dir);
    // The commit, its tree, its file, and the annotated tags that came after the first push.
    const sent = Number(/Sending (\d+) objects/.exec(stderr)?.[1]);
    expect(sent).toBeGreaterThanOrEqual(3);
    expect(sent).toBeLessThan(10);
  });

  test('who does not ask, or asks for https alone, gets everything from us', async () => {
    for (const config of ['fetch.uriprotocols=', 'fetch.uriprotocols=https']) {
      const { code, stderr, dir, links } = await clone(config);
      expect(code, stderr).toBe(0);
      expect(links).toEqual([]);
      await expectSame(dir);
    }
  });

  test('a single branch, a shallow and a partial clone are right too', async () => {
    for (const flag of ['--single-branch', '--depth=3', '--filter=blob:none']) {
      const { code, stderr, dir } = await clone(BY_LINK, flag);
      expect(code, stderr).toBe(0);
      expect(await git(dir, 'rev-parse', 'main')).toBe(source.head);
      expect(await git(dir, 'fsck', '--full', '--no-dangling', '--connectivity-only')).toBe('');
    }
  });

  test('history that was thrown away is in no linked pack', async () => {
    await commit('secret.bin', 'x'.repeat(100) + Math.random());
    const secret = await git(source.dir, 'rev-parse', 'HEAD');
    await push('main');
    await git(source.dir, 'reset', '-q', '--hard', 'HEAD~3');
    await push('--force', 'main');
    const { code, stderr, dir } = await clone(BY_LINK);
    expect(code, stderr).toBe(0);
    await expectSame(dir);
    expect((await sandbox.git(['cat-file', '-e', secret], { cwd: dir, ok: false })).code).not.toBe(0);
  });

  test('a link that does not work fails the clone with a reason', async () => {
    const { links } = await clone(BY_LINK);
    await objects.delete([packKey(repo.repoId, links[0]?.slice(0, 40) ?? '', 'pack')]);
    const { code, stderr } = await clone(BY_LINK);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/404|packfile/);
  });
});

/** Asks for the bundles as a client of protocol 2 does. */
async function offered(): Promise<{ bundleId: string; url: string } | undefined> {
  const [name = '', value = ''] = as()[1]?.split('=').slice(1).join('=').split(': ') ?? [];
  const answer = await fetch(`${repo.cloneUrl}/git-upload-pack`, {
    method: 'POST',
    headers: { 'git-protocol': 'version=2', 'content-type': 'application/x-git-upload-pack-request', [name]: value },
    body: new Uint8Array(Buffer.concat([pktLine('command=bundle-uri\n'), FLUSH])),
  });
  expect(answer.status).toBe(200);
  const packets = [...readPackets(new Uint8Array(await answer.arrayBuffer()))];
  const lines = packets.flatMap((packet) => (packet.type === 'data' ? [Buffer.from(packet.payload).toString()] : []));
  if (lines.length === 0) return undefined;
  expect(lines.slice(0, 2)).toEqual(['bundle.version=1', 'bundle.mode=any']);
  const [, bundleId = '', url = ''] = /^bundle\.([0-9a-f-]+)\.uri=(.*)$/.exec(lines[2] ?? '') ?? [];
  return { bundleId, url };
}

describe('bundle-uri', () => {
  test('a bundle is made once, holds all branches and tags, and clones start from it', async () => {
    expect(await offered()).toBeUndefined();
    await Promise.all([makeBundles(app.ctx, never), makeBundles(app.ctx, never)]);
    const bundle = await offered();
    const answer = await fetch(bundle?.url ?? '');
    expect(answer.status).toBe(200);
    const file = sandbox.path(`${count}.bundle`);
    writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
    await git(source.dir, 'bundle', 'verify', '-q', file);
    const heads = (await git(source.dir, 'bundle', 'list-heads', file)).split('\n').sort();
    const refs = [...source.refs].map(([name, oid]) => `${oid} ${name}`);
    expect(heads).toEqual([`${source.head} HEAD`, ...refs].sort());

    await commit('later.txt', 'after the bundle\n');
    await push('main');
    const { code, stderr, dir } = await clone(`--bundle-uri=${bundle?.url}`);
    expect(code, stderr).toBe(0);
    await expectSame(dir);
    expect(await git(dir, 'rev-parse', 'refs/bundles/main')).toBe(source.head);
    expect(Number(/Sending (\d+) objects/.exec(stderr)?.[1])).toBeLessThan(10);
    const negotiated = await clone('transfer.bundleURI=true');
    expect(negotiated.code, negotiated.stderr).toBe(0);
    await expectSame(negotiated.dir);
  });

  test('a clone survives a bundle that is gone', async () => {
    await makeBundles(app.ctx, never);
    const { bundleId, url } = (await offered())!;
    await objects.delete([bundleKey(repo.repoId, bundleId)]);
    const { code, stderr, dir } = await clone(`--bundle-uri=${url}`);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('failed to fetch objects from bundle URI');
    await expectSame(dir);
  });

  test('a bundle with history that was thrown away is offered no more, and goes', async () => {
    await makeBundles(app.ctx, never);
    const first = (await offered())!;
    await git(source.dir, 'reset', '-q', '--hard', 'HEAD~2');
    await push('--force', 'main');
    expect(await offered()).toBeUndefined();
    expect(await removeOldBundles(app.ctx)).toBe(0);
    await app.ctx.db.sql`UPDATE bundles SET since = now() - interval '2 hours' WHERE bundle_id = ${first.bundleId}`;
    expect(await removeOldBundles(app.ctx)).toBe(1);
    expect(await objects.head(bundleKey(repo.repoId, first.bundleId))).toBeUndefined();

    await makeBundles(app.ctx, never);
    const second = (await offered())!;
    expect(second.bundleId).not.toBe(first.bundleId);
    const { code, stderr, dir } = await clone(`--bundle-uri=${second.url}`);
    expect(code, stderr).toBe(0);
    await expectSame(dir);
  });

  test('a bundle left half-made by a dead node is made again', async () => {
    const { repoId } = repo;
    await app.ctx.db.sql`INSERT INTO bundles (repo_id, refs_version) VALUES (${repoId}, 1)`;
    await makeBundles(app.ctx, never);
    expect(await offered()).toBeUndefined();
    await app.ctx.db.sql`UPDATE bundles SET since = now() - interval '2 hours' WHERE repo_id = ${repoId}`;
    expect(await removeOldBundles(app.ctx)).toBe(1);
    await makeBundles(app.ctx, never);
    expect(await offered()).toBeDefined();
  });

  test('small and deleted repositories have none', async () => {
    const small = await newRepository(app, owner);
    await git(
      source.dir,
      'branch',
      'small',
      (await git(source.dir, 'rev-list', '--max-parents=0', 'main')).slice(0, 40),
    );
    await git(
      source.dir,
      '-c',
      gitAuthorization(app, owner, small.repoId),
      'push',
      '-q',
      small.cloneUrl,
      'small:refs/heads/main',
    );
    await makeBundles(app.ctx, never);
    const { bundleId } = (await offered())!;
    const rows = await app.ctx.db.sql`SELECT 1 FROM bundles WHERE repo_id = ${small.repoId}`;
    expect(rows).toHaveLength(0);
    const { repoId } = repo;
    const gone = await signedRequest(app, owner, 'DELETE', `/v1/repos/${repoId}`, {
      action: 'repo_delete',
      body: { repoId },
    });
    expect(gone.status).toBe(200);
    forgetRepository(app.ctx, repoId);
    expect(await app.ctx.db.sql`SELECT 1 FROM bundles WHERE bundle_id = ${bundleId}`).toHaveLength(0);
  });
});
