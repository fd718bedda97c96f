import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GitSandbox, type SeededRepository } from '../../test/support/git.js';
import { AppError } from '../errors.js';
import type { GitObject } from '../git/objects/type.js';
import { writeTypeAndSize } from '../git/pack/entry.js';
import { IdxReader } from '../git/pack/idx-reader.js';
import { DEFAULT_PACK_LIMITS } from '../git/pack/limits.js';
import type { BaseSource, IndexRequest, LocalPack } from './contract.js';
import { createPackEngine } from './engine.js';

const sandbox = new GitSandbox();
const folder = mkdtempSync(join(tmpdir(), 'gitclaw-engine-'));
const engine = createPackEngine({ threads: 1 });
let repository: SeededRepository;
let number = 0;

beforeAll(async () => {
  repository = await sandbox.seedHistory({ seed: 11, commits: 80, bare: true });
});

afterAll(async () => {
  await engine.close();
  sandbox.dispose();
  rmSync(folder, { recursive: true });
});

const noBases: BaseSource = { find: async () => undefined };

async function packOf(revisions: string, ...options: string[]): Promise<Buffer> {
  const args = ['pack-objects', '--stdout', '--revs', '-q', ...options];
  return (await sandbox.git(args, { cwd: repository.dir, input: revisions })).bytes;
}

function request(bytes: Buffer): IndexRequest {
  const base = join(folder, `pack-${++number}`);
  writeFileSync(`${base}.pack`, bytes);
  const paths = { packPath: `${base}.pack`, idxPath: `${base}.idx`, metaPath: `${base}.meta` };
  return { ...paths, limits: DEFAULT_PACK_LIMITS, tips: [repository.head], looseUpTo: 1000 };
}

async function stored(bytes: Buffer): Promise<LocalPack> {
  const { packPath, idxPath, metaPath, ...rest } = request(bytes);
  const { hash } = await engine.index({ packPath, idxPath, metaPath, ...rest }, noBases);
  return { hash, packPath, idxPath, metaPath };
}

describe('createPackEngine', () => {
  it('indexes a thin pack with bases from packs that the main thread finds, held until it is done', async () => {
    const all = await stored(await packOf('main\n'));
    let held = 0;
    const bases: BaseSource = {
      find: async () => {
        held += 1;
        const release = () => {
          held -= 1;
        };
        return { ...all, release };
      },
    };
    const result = await engine.index(request(await packOf('main\n^main~30\n', '--thin')), bases);
    expect(held).toBe(0);
    expect(result.appendedBases).toBeGreaterThan(0);
    expect(result.tight).toBe(true);
    expect(result.loose).toHaveLength(result.objects);
    expect(result.loose.every(({ body }) => body.byteLength === body.buffer.byteLength)).toBe(true);
  });

  it('indexes more at once than it has workers', async () => {
    const all = await stored(await packOf('main\n'));
    const thin = await packOf('main\n^main~30\n', '--thin');
    const bases: BaseSource = { find: async () => ({ ...all, release: () => {} }) };
    const results = await Promise.all([1, 2, 3].map(() => engine.index(request(thin), bases)));
    expect(new Set(results.map(({ hash }) => hash)).size).toBe(1);
  });

  it('refuses a base that is not in the pack it was told of', async () => {
    const other = await stored(await packOf('main~30\n'));
    const bases: BaseSource = { find: async () => ({ ...other, release: () => {} }) };
    const thin = await packOf('main\n^main~3\n', '--thin');
    const fresh = createPackEngine({ threads: 1 });
    try {
      await expect(fresh.index(request(thin), bases)).rejects.toMatchObject({ code: 'INVALID_PACKFILE' });
    } finally {
      await fresh.close();
    }
  });

  it('has the objects of small packs at hand for the next one, if the repository has them', async () => {
    const before = await stored(await packOf('main~2\n'));
    const thin = await packOf('main\n^main~2\n', '--thin');
    const gone = { ...before, packPath: `${before.packPath}.gone`, idxPath: `${before.idxPath}.gone` };
    const asked: string[] = [];
    const find = async (oid: string) => {
      asked.push(oid);
      return { ...gone, release: () => {} };
    };
    const result = await engine.index(request(thin), { find });
    expect(asked.length).toBe(result.appendedBases);
    await expect(engine.index(request(thin), noBases)).rejects.toMatchObject({ code: 'INVALID_PACKFILE' });
    const unchecked = { ...request(thin), collisionCheck: false };
    await expect(engine.index(unchecked, { find })).rejects.toThrow();
    const fresh = createPackEngine({ threads: 1 });
    try {
      const read = await fresh.index(request(thin), { find: async () => ({ ...before, release: () => {} }) });
      expect(read.hash).toBe(result.hash);
    } finally {
      await fresh.close();
    }
  });

  it('carries AppErrors with code, message and details', async () => {
    const error = await engine.index(request(await packOf('main\n^main~3\n', '--thin')), noBases).catch((e) => e);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      code: 'INVALID_PACKFILE',
      details: { base: expect.stringMatching(/^[0-9a-f]{40}$/) },
    });
    expect(error.message).toContain(error.details.base);
  });

  it('carries errors of the base source', async () => {
    const failing: BaseSource = {
      find: () => Promise.reject(new AppError('S3_CONNECTION_ERROR')),
    };
    const thin = await packOf('main\n^main~3\n', '--thin');
    await expect(engine.index(request(thin), failing)).rejects.toMatchObject({ code: 'S3_CONNECTION_ERROR' });
  });

  it('hides what is unexpected', async () => {
    const missing = { ...request(Buffer.alloc(0)), packPath: join(folder, 'does-not-exist') };
    const error = await engine.index(missing, noBases).catch((e) => e);
    expect(error).toMatchObject({ code: 'INTERNAL_ERROR', status: 500 });
    expect(error.message).not.toContain(folder);
  });

  it('reads and unpacks what it indexed', async () => {
    const pack = await stored(await packOf('main\n'));
    const { count } = new IdxReader(readFileSync(pack.idxPath));
    const object = (await engine.read([pack], repository.head)) as GitObject;
    expect(object.type).toBe('commit');
    const { bytes } = await sandbox.git(['cat-file', 'commit', repository.head], { cwd: repository.dir });
    expect(Buffer.from(object.data)).toEqual(bytes);
    let unpacked = 0;
    for (let from = 0; from < count; ) {
      const { loose, next } = await engine.unpack(pack, from, tmpdir());
      unpacked += loose.length;
      from = next;
    }
    expect(unpacked).toBe(count);
    expect(await engine.read([pack], '0'.repeat(40))).toBeUndefined();
  });

  it('goes on after a worker ran out of memory', async () => {
    const starved = createPackEngine({ threads: 1, workerHeapMb: 48 });
    const parents = `parent ${repository.head}\n`.repeat(1000);
    const person = 'A <a@example.com> 1700000000 +0000';
    const count = 1500;
    const parts = [Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1')];
    parts[0]!.writeUInt32BE(count, 8);
    for (let i = 0; i < count; i++) {
      const commit = `tree ${'1'.repeat(40)}\n${parents}author ${person}\ncommitter ${person}\n\n${i}\n`;
      parts.push(Buffer.from(writeTypeAndSize(1, commit.length)), deflateSync(commit, { level: 1 }));
    }
    const body = Buffer.concat(parts);
    const bytes = Buffer.concat([body, createHash('sha1').update(body).digest()]);
    await expect(starved.index(request(bytes), noBases)).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    const { objects } = await starved.index(request(await packOf('main~3\n')), noBases);
    expect(objects).toBeGreaterThan(0);
    await starved.close();
  }, 180_000);
});
