/** Many small pushes, with background work, clones in between, and the clone at the end beside a freshly packed one. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import type { AppContext } from '../../src/context.js';
import { startJobs } from '../../src/jobs/index.js';
import { createMetrics } from '../../src/metrics.js';
import { PackCache } from '../../src/packs/index.js';
import { openObjectStore } from '../../src/storage/index.js';
import { JsonPusher, MAIN, ZERO } from '../support/json-push.js';
import { createTestBucket } from '../support/s3.js';

const LONG = process.env.GITCLAW_LONG_TESTS === '1';
const PUSHES = LONG ? 5000 : 300;

const onFiles = async () => ({ parts: {}, close: async () => {} });
const onS3 = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gitclaw-compaction-'));
  const bucket = await createTestBucket();
  const objects = await openObjectStore({ GITCLAW_DATA_DIR: folder, s3: bucket });
  const cache = { store: objects, dir: join(folder, 'packs'), maxBytes: 64 * 1024 * 1024, persistent: false };
  const packCache = await PackCache.open({ ...cache, metrics: createMetrics() });
  const close = async () => {
    await packCache.close();
    await objects.close();
    await bucket.drop();
    await rm(folder, { recursive: true, force: true });
  };
  return { parts: { objects, packCache }, close };
};

describe.each<[string, number, () => Promise<{ parts: Partial<AppContext>; close(): Promise<void> }>]>([
  ['files', PUSHES, onFiles],
  ['S3', LONG ? 1000 : 60, onS3],
])('one-commit pushes: %s', (_, count, open) => {
  const closers: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  test(
    `${count} of them end as one pack, whole at any time`,
    async () => {
      const { parts, close } = await open();
      closers.push(close);
      const pusher = await JsonPusher.start({}, parts);
      closers.push(() => pusher.stop());
      await pusher.newRepository();
      const { ctx } = pusher.app;
      const { repoId } = pusher.repo;
      const jobs = startJobs(ctx);
      closers.push(() => jobs.stop());
      const commits = await history(pusher, count);

      let most = 0;
      let isPushing = true;
      const clones = (async () => {
        while (isPushing) {
          await pusher.clone('--bare');
          await sleep(500);
        }
      })();
      const packs = async () => {
        const rows = await ctx.db.sql`SELECT 1 FROM packs WHERE repo_id = ${repoId} AND state = 'active'`;
        return rows.length;
      };
      for (const [i, newOid] of commits.entries()) {
        const oldOid = commits[i - 1] ?? ZERO;
        const pack = await pusher.packOf(newOid, ...(i === 0 ? [] : [`^${oldOid}`]));
        const answer = await pusher.push(pack, [{ refName: MAIN, oldOid, newOid }]);
        expect(answer.status, answer.text).toBe(200);
        if (i % 20 === 0) most = Math.max(most, await packs());
      }
      isPushing = false;
      await clones;
      if (count > 100) expect(most).toBeLessThan(count / 2);

      while ((await packs()) > 1) await sleep(200);
      const copy = await pusher.clone('--bare');
      const objects = (cwd: string) => sortedObjects(pusher, cwd);
      expect(await objects(copy)).toEqual(await objects(pusher.work));
      await pusher.sandbox.git(['repack', '-adfq'], { cwd: pusher.work });
      const [ours, fresh] = [await packBytes(copy), await packBytes(join(pusher.work, '.git'))];
      expect(ours / fresh).toBeLessThan(1.3);
    },
    LONG ? 3_600_000 : 240_000,
  );
});

/** Commits on main that each change a few lines of one of some files, oldest first. */
async function history(pusher: JsonPusher, count: number): Promise<string[]> {
  const lines: string[] = [];
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const files = Array.from({ length: 40 }, (_, i) => Array.from({ length: 80 }, (_, j) => `file ${i}, line ${j}`));
  for (let i = 0; i < count; i++) {
    lines.push(`commit refs/heads/main\ncommitter a <a@x> ${1_700_000_000 + i * 60} +0000\n${data(`change ${i}`)}`);
    const changed = i === 0 ? files.keys() : [i % files.length];
    for (const file of changed) {
      files[file]![(i * 7) % 80] = `changed by ${i}, which is ${(i * 2_654_435_761) % 4_294_967_296}`;
      lines.push(`M 100644 inline src/d${file % 6}/f${file}\n${data(files[file]!.join('\n'))}`);
    }
  }
  const cwd = pusher.work;
  await pusher.sandbox.git(['fast-import', '--quiet', '--force'], { cwd, input: lines.join('') });
  const { stdout } = await pusher.sandbox.git(['rev-list', '--reverse', 'main'], { cwd });
  return stdout.trim().split('\n');
}

async function sortedObjects(pusher: JsonPusher, cwd: string): Promise<string[]> {
  const args = ['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'];
  const { stdout } = await pusher.sandbox.git(args, { cwd });
  return stdout.trim().split('\n').sort();
}

async function packBytes(gitDir: string): Promise<number> {
  const folder = join(gitDir, 'objects/pack');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.pack'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
