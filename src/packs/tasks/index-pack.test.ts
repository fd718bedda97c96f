import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GitSandbox, type SeededRepository } from '../../../test/support/git.js';
import { decodeSegment } from '../../git/graph/segment.js';
import { commitLinks } from '../../git/objects/commit.js';
import { objectId } from '../../git/objects/id.js';
import { treeEntries } from '../../git/objects/tree.js';
import type { GitObject, ObjectType } from '../../git/objects/type.js';
import { typeFromNumber } from '../../git/objects/type.js';
import { type Oid, oidToBytes, unpackOids } from '../../git/oid.js';
import { IdxReader } from '../../git/pack/idx-reader.js';
import { DEFAULT_PACK_LIMITS } from '../../git/pack/limits.js';
import { MetaReader } from '../../git/pack/meta.js';
import type { IndexResult } from '../contract.js';
import { indexPack } from './index-pack.js';

const sandbox = new GitSandbox();
const folder = mkdtempSync(join(tmpdir(), 'gitclaw-index-'));
let repository: SeededRepository;
let number = 0;

beforeAll(async () => {
  repository = await sandbox.seedHistory({ seed: 7, commits: 300, merges: 25, tags: 6, bare: true });
});

afterAll(() => {
  sandbox.dispose();
  rmSync(folder, { recursive: true });
});

async function readObject(oid: Oid): Promise<GitObject | undefined> {
  const type = await sandbox.git(['cat-file', '-t', oid], { cwd: repository.dir, ok: false });
  if (type.code !== 0) return undefined;
  const name = type.stdout.trim() as ObjectType;
  const { bytes } = await sandbox.git(['cat-file', name, oid], { cwd: repository.dir });
  return { type: name, data: bytes };
}

function everything(): string {
  return `${[...repository.refs.values()].join('\n')}\n`;
}

function commitNames({ type, data }: GitObject): Oid[] {
  if (type !== 'commit') return [];
  const { tree, parents } = commitLinks(data);
  return [tree, ...parents];
}

interface Indexed {
  result: IndexResult;
  pack: string;
  idx: Buffer;
  meta: Buffer;
}

async function index(bytes: Buffer, tips: Oid[] = [], looseUpTo = 0): Promise<Indexed> {
  const base = join(folder, `pack-${++number}`);
  writeFileSync(`${base}.pack`, bytes);
  const paths = { packPath: `${base}.pack`, idxPath: `${base}.idx`, metaPath: `${base}.meta` };
  const result = await indexPack({ ...paths, limits: DEFAULT_PACK_LIMITS, tips, looseUpTo }, readObject);
  return { result, pack: paths.packPath, idx: readFileSync(paths.idxPath), meta: readFileSync(paths.metaPath) };
}

async function packObjects(revisions: string, ...options: string[]): Promise<Buffer> {
  const args = ['pack-objects', '--stdout', '--revs', '-q', ...options];
  return (await sandbox.git(args, { cwd: repository.dir, input: revisions })).bytes;
}

/** Git's own index and verdict over the same file. */
async function expectAsGit({ pack, idx, result }: Indexed): Promise<void> {
  const path = join(folder, `git-${number}.idx`);
  const { stdout } = await sandbox.git(['index-pack', '--strict', '-o', path, pack], { cwd: repository.dir });
  expect(stdout.trim()).toBe(result.hash);
  expect(idx.equals(readFileSync(path))).toBe(true);
}

async function expectMetaAsGit({ idx, meta }: Indexed): Promise<void> {
  const rows = new IdxReader(idx);
  const sidecar = new MetaReader(meta);
  const oids = Array.from({ length: rows.count }, (_, i) => rows.oid(i));
  const { stdout } = await sandbox.git(['cat-file', '--batch-check=%(objecttype) %(objectsize)'], {
    cwd: repository.dir,
    input: `${oids.join('\n')}\n`,
  });
  const ours = oids.map((_, i) => `${sidecar.type(i)} ${sidecar.size(i)}`);
  expect(ours).toEqual(stdout.trim().split('\n'));
}

describe('packs of git pack-objects', () => {
  it.each([
    ['offset deltas', ['--delta-base-offset']],
    ['id deltas', []],
    ['deep chains', ['--delta-base-offset', '--depth=4000', '--window=60', '--no-reuse-delta']],
    ['deep chains of id deltas', ['--depth=4000', '--window=60', '--no-reuse-delta']],
    ['no deltas', ['--depth=0', '--no-reuse-delta']],
    ['no compression', ['--delta-base-offset', '--compression=0', '--no-reuse-object']],
  ])('indexes %s as git does', async (_name, options) => {
    const bytes = await packObjects(everything(), ...options);
    const tips = [...repository.refs.values()];
    const indexed = await index(bytes, tips);
    await expectAsGit(indexed);
    await expectMetaAsGit(indexed);
    expect(indexed.result).toMatchObject({ appendedBases: 0, tight: true, packBytes: bytes.length, loose: [] });
    expect(indexed.result.externalOids).toHaveLength(0);
    expect(readFileSync(indexed.pack).equals(bytes)).toBe(true);
  });

  it('tells the commits and tags of the pack, parents first', async () => {
    const { result } = await index(await packObjects(everything()), []);
    const { commits, tags } = decodeSegment(result.segment);
    const { stdout } = await sandbox.git(['log', '--all', '--format=%H %T %ct %P'], { cwd: repository.dir });
    const lines = commits.map(({ oid, tree, time, parents }) => [oid, tree, time, ...parents].join(' '));
    expect(lines.toSorted()).toEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.trim())
        .toSorted(),
    );
    const seen = new Set<Oid>();
    for (const { oid, parents } of commits) {
      for (const parent of parents) expect(seen.has(parent)).toBe(true);
      seen.add(oid);
    }
    for (const { oid, target, targetType } of tags) {
      const object = await readObject(oid);
      expect(Buffer.from(object!.data).toString()).toMatch(
        new RegExp(`^object ${target}\ntype ${typeFromNumber(targetType)}\n`),
      );
    }
    expect(tags.length).toBeGreaterThan(1);
  });

  it('notices objects that no tip reaches', async () => {
    const bytes = await packObjects(everything());
    expect((await index(bytes, [repository.head])).result.tight).toBe(false);
  });

  it('accepts the pack of nothing', async () => {
    const { result } = await index(await packObjects(''));
    expect(result).toMatchObject({ objects: 0, tight: true });
  });
});

describe('thin packs', () => {
  it.each([
    ['offset', '--delta-base-offset'],
    ['id', '--no-reuse-delta'],
  ])('are completed so that git accepts them (%s deltas)', async (_name, option) => {
    const bytes = await packObjects('main\n^main~40\n', '--thin', option);
    const indexed = await index(bytes, [repository.head]);
    expect(indexed.result.appendedBases).toBeGreaterThan(0);
    await expectAsGit(indexed);
    await expectMetaAsGit(indexed);
    await sandbox.git(['verify-pack', indexed.pack]);
    const stored = readFileSync(indexed.pack);
    expect(stored.readUInt32BE(8)).toBe(bytes.readUInt32BE(8) + indexed.result.appendedBases);
    expect(indexed.result.objects).toBe(bytes.readUInt32BE(8));
    expect(indexed.result.tight).toBe(true);
    expect(indexed.result.tipTypes).toEqual({ [repository.head]: 'commit' });
  });

  it('name everything they build on', async () => {
    const { result, idx } = await index(await packObjects('main\n^main~20\n', '--thin'), [repository.head]);
    const externals = unpackOids(result.externalOids);
    const { stdout } = await sandbox.git(['rev-list', 'main~20..main', '--boundary'], { cwd: repository.dir });
    const boundary = stdout.split('\n').flatMap((line) => (line.startsWith('-') ? [line.slice(1)] : []));
    expect(externals).toEqual(expect.arrayContaining(boundary));
    expect(new Set(externals).size).toBe(externals.length);
    const rows = new IdxReader(idx);
    const received = externals.filter((oid) => rows.find(oidToBytes(oid)) >= 0);
    expect(received.length).toBeLessThanOrEqual(result.appendedBases);
    for (const [i, oid] of externals.slice(0, 40).entries()) {
      expect((await readObject(oid))?.type).toBe(typeFromNumber(result.externalTypes[i]!));
    }
  });

  it('name all that they and the trees they build on lack, and of one commit little more', async () => {
    const { result, idx } = await index(await packObjects('main\n^main~20\n', '--thin'), [repository.head]);
    const rows = new IdxReader(idx);
    const byPlace = await Promise.all(
      Array.from({ length: rows.count }, async (_, i) => {
        const oid = rows.oid(i);
        return { oid, object: (await readObject(oid))!, offset: rows.offset(i) };
      }),
    );
    // Appended bases lie behind what was received.
    byPlace.sort((a, b) => a.offset - b.offset);
    const named = (from: typeof byPlace) =>
      new Set(
        from.flatMap(({ object }) =>
          object.type === 'tree' ? [...treeEntries(object.data)].map(({ oid }) => oid) : commitNames(object),
        ),
      );
    const byReceived = named(byPlace.slice(0, result.objects));
    const byBases = named(byPlace.slice(result.objects));
    const externals = new Set(unpackOids(result.externalOids));
    for (const oid of externals) expect(byReceived.has(oid)).toBe(true);
    const received = new Set(byPlace.slice(0, result.objects).map(({ oid }) => oid));
    const left = [...byReceived].filter((oid) => !received.has(oid) && !externals.has(oid));
    expect(left.length).toBeGreaterThan(0);
    for (const oid of left) expect(byBases.has(oid)).toBe(true);
    const one = await index(await packObjects('main\n^main~1\n', '--thin'), [repository.head]);
    expect(one.result.externalTypes.length).toBeLessThan(10);
  });

  it('are refused by the name of a base that nobody has', async () => {
    const bytes = await packObjects('main\n^main~5\n', '--thin');
    const path = join(folder, 'missing.pack');
    writeFileSync(path, bytes);
    const request = { packPath: path, idxPath: `${path}.idx`, metaPath: `${path}.meta`, tips: [], looseUpTo: 0 };
    const work = indexPack({ ...request, limits: DEFAULT_PACK_LIMITS }, async () => undefined);
    await expect(work).rejects.toMatchObject({
      code: 'INVALID_PACKFILE',
      message: expect.stringMatching(/^the delta base [0-9a-f]{40} is neither in the packfile nor in the repository$/),
    });
  });

  it('are not completed with a base that does not match its id', async () => {
    const path = join(folder, 'corrupt.pack');
    writeFileSync(path, await packObjects('main\n^main~5\n', '--thin'));
    const request = { packPath: path, idxPath: `${path}.idx`, metaPath: `${path}.meta`, tips: [], looseUpTo: 0 };
    const other = async (): Promise<GitObject> => ({ type: 'blob', data: Buffer.from('something else') });
    const work = indexPack({ ...request, limits: DEFAULT_PACK_LIMITS }, other);
    await expect(work).rejects.toMatchObject({ code: 'OBJECT_CORRUPTED' });
  });
});

describe('loose objects', () => {
  it('are made of small packs, without the appended bases', async () => {
    const { result } = await index(await packObjects('main\n^main~4\n', '--thin'), [repository.head], 1000);
    expect(result.loose).toHaveLength(result.objects);
    for (const { oid, type, size, body } of result.loose) {
      const whole = inflateSync(body);
      const end = whole.indexOf(0);
      expect(whole.toString('latin1', 0, end)).toBe(`${type} ${size}`);
      expect(objectId(type, whole.subarray(end + 1))).toBe(oid);
    }
  });

  it('are not made of larger packs', async () => {
    expect((await index(await packObjects('main\n^main~4\n'), [], 2)).result.loose).toEqual([]);
  });
});
