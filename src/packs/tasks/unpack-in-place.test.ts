/** Unpacking where the store's keys are paths: the worker writes the loose objects itself. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GitSandbox, type SeededRepository } from '../../../test/support/git.js';
import { DEFAULT_PACK_LIMITS } from '../../git/pack/limits.js';
import { createFilesystemStore } from '../../storage/index.js';
import type { LocalPack } from '../contract.js';
import { createPackEngine } from '../engine.js';

const sandbox = new GitSandbox();
const engine = createPackEngine({ threads: 1 });
let source: SeededRepository;
let folder: string;
let pack: LocalPack;
let objects: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitclaw-unpack-'));
  source = await sandbox.seedHistory({ seed: 21, commits: 250, bare: true });
  const path = (extension: string) => join(folder, `pack.${extension}`);
  const paths = { packPath: path('pack'), idxPath: path('idx'), metaPath: path('meta') };
  const { bytes } = await sandbox.git(['pack-objects', '--stdout', '--all', '-q'], { cwd: source.dir, input: '' });
  await writeFile(paths.packPath, bytes);
  const request = { ...paths, limits: DEFAULT_PACK_LIMITS, tips: [source.head], looseUpTo: 0 };
  const result = await engine.index(request, { find: async () => undefined });
  ({ objects } = result);
  pack = { hash: result.hash, ...paths };
});
afterAll(async () => {
  await engine.close();
  sandbox.dispose();
  await rm(folder, { recursive: true });
});

test('makes an object directory that git can read, in batches that each are complete', async () => {
  const root = join(folder, 'store');
  const store = await createFilesystemStore(root);
  const steps: number[] = [];
  for (let next = 0; next < objects; ) {
    const batch = await engine.unpack(pack, next, folder, { root, repoId: 'r' });
    expect(batch.loose).toEqual([]);
    steps.push(batch.next - next);
    next = batch.next;
    let found = 0;
    for await (const _file of store.list('r/objects/')) found += 1;
    expect(found).toBe(next);
  }
  expect(steps.length).toBeGreaterThan(1);
  expect(await readdir(join(root, '.tmp'))).toEqual([]);

  const bare = join(root, 'r');
  await sandbox.git(['init', '-q', '--bare', bare]);
  const list = async (dir: string) =>
    (await sandbox.git(['cat-file', '--batch-all-objects', '--batch-check'], { cwd: dir })).stdout;
  expect(await list(bare)).toBe(await list(source.dir));
  await sandbox.git(['fsck', '--strict', source.head], { cwd: bare });
});

test('tells when the store cannot be written', async () => {
  const root = join(folder, 'full');
  await createFilesystemStore(root);
  await writeFile(join(root, 'r'), 'in the way');
  const failing = engine.unpack(pack, 0, folder, { root, repoId: 'r' });
  await expect(failing).rejects.toMatchObject({ code: 'S3_UPLOAD_FAILED' });
});
