/** One suite for every driver: what the contract promises, on real S3, a real disk and in memory. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestBucket } from '../../test/support/s3.js';
import type { ObjectStore, PutOptions } from './contract.js';
import { createFilesystemStore } from './filesystem/store.js';
import { CONTENT_TYPES, looseKey, packKey } from './keys.js';
import { createMemoryStore } from './memory.js';
import { createS3Store } from './s3/store.js';

const OPTIONS: PutOptions = { contentType: 'application/octet-stream' };

interface Opened {
  store: ObjectStore;
  close(): Promise<void>;
}

const DRIVERS: Record<string, (scratch: string) => Promise<Opened>> = {
  memory: async () => ({ store: createMemoryStore(), close: async () => {} }),
  filesystem: async (scratch) => ({ store: await createFilesystemStore(join(scratch, 'root')), close: async () => {} }),
  s3: async () => {
    const bucket = await createTestBucket();
    const store = await createS3Store(bucket);
    return {
      store,
      async close() {
        await store.close();
        await bucket.drop();
      },
    };
  },
};

async function bytes(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function keys(store: ObjectStore, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) found.push(key);
  return found;
}

const sha = (data: Uint8Array) => createHash('sha1').update(data).digest('hex');

describe.each(Object.keys(DRIVERS))('object store: %s', (name) => {
  let scratch: string;
  let opened: Opened;
  let store: ObjectStore;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'gitclaw-store-'));
    opened = await DRIVERS[name]!(scratch);
    store = opened.store;
  });
  afterAll(async () => {
    await opened.close();
    await rm(scratch, { recursive: true, force: true });
  });

  it('says what it is and that it works', async () => {
    expect(store.kind).toBe(name);
    await store.check();
  });

  it('returns what was put', async () => {
    const body = randomBytes(1000);
    await store.put('r1/objects/info/one', body, OPTIONS);
    expect(await store.get('r1/objects/info/one')).toEqual(body);
    const info = await store.head('r1/objects/info/one');
    expect(info).toMatchObject({ key: 'r1/objects/info/one', size: 1000 });
    expect(Math.abs((info?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('keeps an empty body', async () => {
    await store.put('r1/empty', new Uint8Array(0), OPTIONS);
    expect(await store.get('r1/empty')).toEqual(Buffer.alloc(0));
    expect(await bytes(await store.stream('r1/empty'))).toHaveLength(0);
    expect((await store.head('r1/empty'))?.size).toBe(0);
  });

  it('replaces a body', async () => {
    await store.put('r1/twice', Buffer.from('old and long'), OPTIONS);
    await store.put('r1/twice', Buffer.from('new'), OPTIONS);
    expect((await store.get('r1/twice'))?.toString()).toBe('new');
  });

  it('does not share memory with what was put', async () => {
    const body = Buffer.from('mine');
    await store.put('r1/mine', body, OPTIONS);
    body.fill(0);
    expect((await store.get('r1/mine'))?.toString()).toBe('mine');
  });

  it('knows missing keys', async () => {
    expect(await store.get('r1/none')).toBeUndefined();
    expect(await store.head('r1/none')).toBeUndefined();
    expect(await store.get('none/of/this')).toBeUndefined();
    // A folder is no key.
    expect(await store.get('r1')).toBeUndefined();
    expect(await store.head('r1')).toBeUndefined();
    await expect(store.stream('r1/none')).rejects.toMatchObject({ code: 'S3_OBJECT_NOT_FOUND', status: 404 });
    await store.delete(['r1/none', 'none/of/this']);
    await store.delete(['r1/none']);
    await store.delete([]);
    expect(await store.deletePrefix('nothing/here/')).toBe(0);
    expect(await keys(store, 'nothing/')).toEqual([]);
  });

  it('gives loose objects their type and size', async () => {
    const content = Buffer.concat([Buffer.from('blob 5000\0'), randomBytes(5000)]);
    const key = looseKey('r1', sha(content));
    const metadata = { 'x-git-object-type': 'blob', 'x-git-object-size': '5000' };
    await store.put(key, deflateSync(content), { contentType: CONTENT_TYPES.loose, metadata });
    expect((await store.head(key))?.metadata).toEqual(metadata);
  });

  it('reads ranges', async () => {
    const body = randomBytes(300_000);
    await store.put('r1/range', body, OPTIONS);
    const read = async (start: number, end: number) => bytes(await store.stream('r1/range', { start, end }));
    expect(await read(0, 0)).toEqual(body.subarray(0, 1));
    expect(await read(100, 199)).toEqual(body.subarray(100, 200));
    expect(await read(65_000, 200_000)).toEqual(body.subarray(65_000, 200_001));
    expect(await read(299_999, 299_999)).toEqual(body.subarray(299_999));
    expect(await read(299_000, 999_999)).toEqual(body.subarray(299_000));
    for (const [start, end] of [
      [300_000, 300_001],
      [5, 4],
      [-1, 4],
      [0.5, 4],
      [0, Number.NaN],
    ] as const) {
      await expect(read(start, end)).rejects.toMatchObject({ code: 'S3_DOWNLOAD_FAILED' });
    }
  });

  it('stores and streams a large file, and leaves the file', async () => {
    const body = randomBytes(23 * 1024 * 1024);
    const path = join(scratch, 'large');
    await writeFile(path, body);
    const key = packKey('r2', sha(body), 'pack');
    await store.putFile(key, path, { contentType: CONTENT_TYPES.pack });
    await rm(path);
    expect((await store.head(key))?.size).toBe(body.length);
    expect(sha(await bytes(await store.stream(key)))).toBe(sha(body));
    const middle = await bytes(await store.stream(key, { start: 5_242_870, end: 5_242_890 }));
    expect(middle).toEqual(body.subarray(5_242_870, 5_242_891));
    expect(sha((await store.get(key)) ?? Buffer.alloc(0))).toBe(sha(body));
  });

  it('stores small and empty files, twice', async () => {
    const path = join(scratch, 'small');
    for (const text of ['small', '']) {
      await writeFile(path, text);
      await store.putFile('r2/small', path, OPTIONS);
      await store.putFile('r2/small', path, OPTIONS);
      expect((await store.get('r2/small'))?.toString()).toBe(text);
      await rm(path);
    }
    await expect(store.putFile('r2/small', path, OPTIONS)).rejects.toMatchObject({ code: 'S3_UPLOAD_FAILED' });
    expect((await store.get('r2/small'))?.toString()).toBe('');
  });

  it('lets a reader stop early', async () => {
    const stream = await store.stream(await largest(store));
    for await (const chunk of stream) {
      expect((chunk as Buffer).length).toBeGreaterThan(0);
      break;
    }
    expect(stream.destroyed).toBe(true);
    const unread = await store.stream(await largest(store));
    unread.destroy(new Error('reader went away'));
    await expect(bytes(unread)).rejects.toThrow('reader went away');
    await store.check();
  });

  it('takes odd but legal keys', async () => {
    const odd = [
      'r3/a b+c',
      'r3/100%25',
      "r3/q?x=1&y='2'",
      'r3/#hash;semi,colon',
      'r3/~t!(1)*[x]{y}|^`"<>$@:',
      'r3/UPPER/lower',
    ];
    for (const key of odd) await store.put(key, Buffer.from(key), OPTIONS);
    for (const key of odd) expect((await store.get(key))?.toString()).toBe(key);
    expect(await keys(store, 'r3/')).toEqual([...odd].sort());
    await store.delete(odd.slice(0, 5));
    expect(await keys(store, 'r3/')).toEqual(['r3/UPPER/lower']);
  });

  it('refuses other keys before anything happens', async () => {
    const bad = [
      '',
      '/a',
      'a/',
      'a//b',
      'a/../b',
      '..',
      '.',
      '.tmp/x',
      'a/.hidden',
      'a\\b',
      'a\0b',
      'a\nb',
      'é',
      'x'.repeat(901),
      `a/${'y'.repeat(201)}`,
    ];
    const refused = { code: 'OBJECT_STORAGE_ERROR', message: 'The storage key is not valid.' };
    for (const key of bad) {
      await expect(store.put(key, Buffer.from('x'), OPTIONS), JSON.stringify(key)).rejects.toMatchObject(refused);
      await expect(store.putFile(key, '/dev/null', OPTIONS)).rejects.toMatchObject(refused);
      await expect(store.get(key)).rejects.toMatchObject(refused);
      await expect(store.stream(key)).rejects.toMatchObject(refused);
      await expect(store.head(key)).rejects.toMatchObject(refused);
      await expect(store.delete(['ok', key])).rejects.toMatchObject(refused);
      expect(() => store.localPath(key)).toThrow(refused.message);
    }
    for (const prefix of ['', '/', 'r1', '../', 'a/../']) {
      await expect(store.deletePrefix(prefix), prefix).rejects.toMatchObject(refused);
    }
    await expect(keys(store, '../')).rejects.toMatchObject(refused);
  });

  it('lists more than a page in key order, and deletes it', async () => {
    const names = Array.from({ length: 1203 }, (_, n) => `r4/objects/${(n % 7).toString().padStart(2, '0')}/k${n}`);
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(names.slice(at, at + 50).map((key) => store.put(key, Buffer.from(key), OPTIONS)));
    }
    await store.put('r4/objects-a', Buffer.from('1'), OPTIONS);
    await store.put('r4/objects.b', Buffer.from('22'), OPTIONS);
    await store.put('r4/objectsc', Buffer.from('333'), OPTIONS);
    await store.put('r44/x', Buffer.from('other repository'), OPTIONS);
    const all = [...names, 'r4/objects-a', 'r4/objects.b', 'r4/objectsc'].sort();
    expect(await keys(store, 'r4/')).toEqual(all);
    expect(await keys(store, 'r4/objects/03/k1')).toEqual(
      names.filter((key) => key.startsWith('r4/objects/03/k1')).sort(),
    );
    for await (const { key, size } of store.list('r4/objects')) expect(size, key).toBeGreaterThan(0);
    await store.delete(names.slice(0, 1101));
    expect(await keys(store, 'r4/objects/')).toEqual(names.slice(1101).sort());
    expect(await store.deletePrefix('r4/')).toBe(105);
    expect(await keys(store, 'r4/')).toEqual([]);
    expect(await keys(store, 'r44/')).toEqual(['r44/x']);
  });

  it('lists first-level names only while something is there', async () => {
    const names: string[] = [];
    for await (const top of store.listTopLevel()) names.push(top);
    expect(names).toEqual(['r1', 'r2', 'r3', 'r44']);
  });

  it('shows a body whole or not at all while it is replaced', async () => {
    const body = (n: number) => Buffer.alloc(200_000 + n, n);
    const whole = new Set([1, 2, 3].map((n) => sha(body(n))));
    await store.put('r5/busy', body(1), OPTIONS);
    let writing = true;
    const write = async () => {
      for (let round = 0; round < 20; round++) await store.put('r5/busy', body((round % 3) + 1), OPTIONS);
      writing = false;
    };
    const read = async () => {
      let reads = 0;
      for (; writing; reads++) expect(whole).toContain(sha((await store.get('r5/busy')) ?? Buffer.alloc(0)));
      return reads;
    };
    const [, reads] = await Promise.all([write(), read()]);
    expect(reads).toBeGreaterThan(0);
    expect(await keys(store, 'r5/')).toEqual(['r5/busy']);
  });

  it('survives writers and deleters of the same folder', async () => {
    await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        for (let round = 0; round < 10; round++) {
          await store.put(`r6/deep/folder/${n}`, Buffer.from(`${round}`), OPTIONS);
          expect((await store.get(`r6/deep/folder/${n}`))?.toString()).toBe(`${round}`);
          await store.delete([`r6/deep/folder/${n}`]);
        }
      }),
    );
    expect(await keys(store, 'r6/')).toEqual([]);
  });
});

async function largest(store: ObjectStore): Promise<string> {
  for await (const { key, size } of store.list('r2/')) if (size > 1_000_000) return key;
  throw new Error('the large file is not there');
}
