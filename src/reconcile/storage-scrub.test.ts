import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GitSandbox } from '../../test/support/git.js';
import { gitAuthorization, startGitApp } from '../../test/support/git-app.js';
import { newAgent, newRepository, type TestApp } from '../../test/support/http.js';
import type { AppContext } from '../context.js';
import { unpackPending } from '../jobs/index.js';
import { PackCache } from '../packs/index.js';
import { createFilesystemStore, createMemoryStore, looseKey, type ObjectStore, packKey } from '../storage/index.js';
import { CHECKS, reconcileNow } from './index.js';

const { signal } = new AbortController();
const scrub = CHECKS.find((check) => check.type === 'storage_scrub')!;
const OPTIONS = { contentType: 'application/octet-stream' };

describe.each(['files', 'a store elsewhere'])('scrubbing %s', (kind) => {
  const sandbox = new GitSandbox();
  let folder: string;
  let app: TestApp;
  let ctx: AppContext;
  let repoId: string;
  let pack: string;
  let store: ObjectStore;
  const keep = new Map<string, Buffer>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gitclaw-scrub-'));
    store = kind === 'files' ? await createFilesystemStore(join(folder, 'objects')) : createMemoryStore();
    const cache = { store, dir: join(folder, 'packs'), maxBytes: 64 * 1024 * 1024, persistent: false };
    const { createMetrics } = await import('../metrics.js');
    const packCache = await PackCache.open({ ...cache, metrics: createMetrics() });
    app = await startGitApp({ objects: store, packCache });
    ctx = app.ctx;
    const owner = await newAgent(app);
    ({ repoId } = await newRepository(app, owner));
    const { dir } = await sandbox.seedHistory({ seed: 4, commits: 60, merges: 4 });
    const auth = gitAuthorization(app, owner, repoId);
    await sandbox.git(['-c', auth, 'push', '-q', `${app.url}/v1/repos/${repoId}`, 'main'], { cwd: dir });
    await unpackPending(ctx, signal);
    const [row] = await ctx.db.sql<[{ hash: string }]>`SELECT hash FROM packs WHERE repo_id = ${repoId}`;
    pack = row.hash;
    for await (const { key } of store.list(`${repoId}/`)) keep.set(key, (await store.get(key))!);
  });
  afterAll(async () => {
    await app.close();
    await rm(folder, { recursive: true, force: true });
    sandbox.dispose();
  });
  beforeEach(async () => {
    for (const [key, body] of keep) await store.put(key, body, OPTIONS);
  });

  const run = () => reconcileNow(ctx, scrub, { fix: false, stop: signal });
  const drifts = async () => (await run()).drifts_found;
  const key = (extension: 'pack' | 'idx' | 'meta') => packKey(repoId, pack, extension);
  /** Replaces a stored body, as a fault of the disk would: past everything that checks. */
  const damage = async (name: string, change: (body: Buffer) => Buffer) => {
    const body = change(Buffer.from(keep.get(name)!));
    const path = store.localPath(name);
    if (path === undefined) return store.put(name, body, OPTIONS);
    await mkdir(dirname(path), { recursive: true });
    await rm(path, { force: true });
    await writeFile(path, body);
  };
  const flip = (at: (length: number) => number) => (body: Buffer) => {
    const place = at(body.length);
    body[place] = body[place]! ^ 1;
    return body;
  };

  it('finds nothing wrong with what is whole, and leaves no files behind', async () => {
    const { readdir } = await import('node:fs/promises');
    expect(await run()).toMatchObject({ drifts_found: [], items_checked: 100 });
    expect(await readdir(ctx.spool.folder)).toEqual([]);
  });

  it('finds a changed bit wherever it is in pack or index', async () => {
    for (const at of [0, 40, 2000]) {
      await damage(
        key('pack'),
        flip(() => at),
      );
      expect(await drifts()).toEqual([
        { corrupt_pack: { repo_id: repoId, pack, reason: 'its bytes do not have its checksum' } },
      ]);
    }
    await damage(
      key('pack'),
      flip((length) => length - 1),
    );
    expect(await drifts()).toMatchObject([{ corrupt_pack: { reason: 'it does not end with its checksum' } }]);
    await damage(key('pack'), (body) => body.subarray(0, -1));
    expect(await drifts()).toMatchObject([
      { corrupt_pack: { reason: expect.stringMatching(/^it has \d+ bytes, not/) } },
    ]);
    await damage(key('pack'), (body) => body);
    for (const at of [1, 1500, 3000]) {
      await damage(
        key('idx'),
        flip(() => at),
      );
      expect(await drifts()).toMatchObject([{ corrupt_pack: { repo_id: repoId, pack } }]);
    }
    await damage(key('idx'), () => Buffer.from('no index'));
    expect(await drifts()).toMatchObject([{ corrupt_pack: { repo_id: repoId, pack } }]);
  });

  it('finds what is missing, and a sidecar is not missed', async () => {
    await store.delete([key('meta')]);
    expect(await drifts()).toEqual([]);
    await store.delete([key('idx')]);
    expect(await drifts()).toEqual([{ missing_key: { repo_id: repoId, key: key('idx') } }]);
    await damageBack();
    await store.delete([key('pack')]);
    expect(await drifts()).toEqual([{ missing_key: { repo_id: repoId, key: key('pack') } }]);
    // A pack that nobody reads any more may go.
    await ctx.db.sql`UPDATE packs SET state = 'superseded'`;
    expect(await drifts()).toEqual([]);
    await ctx.db.sql`UPDATE packs SET state = 'active'`;
  });
  const damageBack = () => store.put(key('idx'), keep.get(key('idx'))!, OPTIONS);

  it('finds an index that leads to other objects, though every checksum is right', async () => {
    const { createHash } = await import('node:crypto');
    await damage(key('idx'), (body) => {
      const count = body.readUInt32BE(8 + 255 * 4);
      const offsets = 8 + 1024 + count * 24;
      const [first, second] = [body.readUInt32BE(offsets), body.readUInt32BE(offsets + 4)];
      body.writeUInt32BE(second, offsets);
      body.writeUInt32BE(first, offsets + 4);
      createHash('sha1')
        .update(body.subarray(0, -20))
        .digest()
        .copy(body, body.length - 20);
      return body;
    });
    const all = { ...ctx, config: { ...ctx.config, RECONCILE_SCRUB_OBJECTS: 24 * 1000 } };
    const [row] = await ctx.db.sql<[{ objects: number }]>`SELECT objects FROM packs`;
    const { drifts_found } = await reconcileNow(all, scrub, { fix: false, stop: signal });
    // A sample of a hundred may miss two of so many, so the check is asked until it has hit them.
    let found = drifts_found;
    for (let turn = 0; turn < 200 && found.length === 0; turn++)
      found = (await reconcileNow(all, scrub, { fix: false, stop: signal })).drifts_found;
    expect(row.objects).toBeGreaterThan(100);
    expect(found[0]).toMatchObject({ corrupt_object: { repo_id: repoId, pack, stored: 'pack' } });
  });

  it('finds loose objects that are missing or are others', async () => {
    const small = { ...ctx, config: { ...ctx.config, RECONCILE_SCRUB_OBJECTS: 24 } };
    const loose = [...keep.keys()].filter((name) => /objects\/[0-9a-f]{2}\//.test(name));
    for (const name of loose) await store.delete([name]);
    const one = await reconcileNow(small, scrub, { fix: false, stop: signal });
    const missing = one.drifts_found[0]?.missing_key as { oid: string; key: string };
    expect(missing).toEqual({ repo_id: repoId, pack, oid: expect.any(String), key: looseKey(repoId, missing.oid) });
    for (const name of loose) await damage(name, () => keep.get(loose[0]!)!);
    expect((await drifts()).length).toBeGreaterThanOrEqual(99);
    for (const name of loose) await damage(name, () => Buffer.from('noise'));
    const noise = await drifts();
    expect(noise).toHaveLength(100);
    expect(noise[0]).toMatchObject({ corrupt_object: { repo_id: repoId, stored: 'loose' } });
  });

  it('reads only as much as is asked for', async () => {
    const small = { ...ctx, config: { ...ctx.config, RECONCILE_SCRUB_OBJECTS: 48 } };
    expect(await reconcileNow(small, scrub, { fix: false, stop: signal })).toMatchObject({ items_checked: 2 });
    expect(scrub.everySecs({ ...ctx.config, RECONCILE_SCRUB_OBJECTS: 0 })).toBe(0);
  });
});
