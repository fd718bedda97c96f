import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ObjectStore } from '../contract.js';
import { createFilesystemStore } from './store.js';
import { syncFilesystem } from './sync-all.js';
import { writeBatch } from './write-batch.js';

const OPTIONS = { contentType: 'text/plain' };

let root: string;
let store: ObjectStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gitclaw-batch-'));
  store = await createFilesystemStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const bodies = (count: number, text = 'body') =>
  Array.from({ length: count }, (_, i) => ({ key: `r/objects/${i % 7}/${i}`, body: Buffer.from(`${text} ${i}`) }));

test('writes what the store reads, over what was there', async () => {
  expect(syncFilesystem(root)).toBe(process.platform === 'linux');
  await store.put('r/objects/3/3', Buffer.from('old'), OPTIONS);
  for (const text of ['first', 'second']) {
    writeBatch(store.localRoot()!, bodies(200, text));
    for (const { key, body } of bodies(200, text)) expect((await store.get(key))?.equals(body)).toBe(true);
  }
  writeBatch(root, [{ key: 'r/empty', body: new Uint8Array(0) }]);
  expect(await store.get('r/empty')).toHaveLength(0);
  writeBatch(root, []);
  expect(await readdir(join(root, '.tmp'))).toEqual([]);
});

test('leaves no temp file and no half body when it fails', async () => {
  await writeFile(join(root, 'r'), 'in the way');
  expect(() => writeBatch(root, bodies(10))).toThrow(expect.objectContaining({ code: 'S3_UPLOAD_FAILED' }));
  expect(await readdir(join(root, '.tmp'))).toEqual([]);
  expect(await readFile(join(root, 'r'), 'utf8')).toBe('in the way');
});

test('refuses keys that would leave the root', () => {
  for (const key of ['../out', 'r/../../out', '/etc/passwd', '.tmp/x', '']) {
    expect(() => writeBatch(root, [...bodies(2), { key, body: Buffer.from('x') }])).toThrow(
      expect.objectContaining({ code: 'OBJECT_STORAGE_ERROR' }),
    );
  }
});

test('goes on where the folder of temp files and that of the body were removed', async () => {
  writeBatch(root, bodies(10));
  await rm(join(root, '.tmp'), { recursive: true });
  await store.deletePrefix('r/');
  writeBatch(root, bodies(10));
  expect((await store.get('r/objects/0/0'))?.toString()).toBe('body 0');
});

test('stores files beside bodies, whether their names are taken or not, and leaves the files', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'gitclaw-batch-file-'));
  try {
    const file = (name: string) => ({ key: `r/objects/pack/${name}`, path: join(outside, name) });
    for (const name of ['a', 'b']) await writeFile(file(name).path, `file ${name}`);
    await store.put('r/objects/pack/b', Buffer.from('old'), OPTIONS);
    // The second time, file and key are names of the same file.
    for (const _ of [1, 2]) {
      writeBatch(root, bodies(3), [file('a'), file('b')]);
      for (const name of ['a', 'b']) {
        expect((await store.get(file(name).key))?.toString()).toBe(`file ${name}`);
        expect(await readFile(file(name).path, 'utf8')).toBe(`file ${name}`);
      }
      expect(await readdir(join(root, '.tmp'))).toEqual([]);
    }
    expect(() => writeBatch(root, bodies(2), [file('missing')])).toThrow(
      expect.objectContaining({ code: 'S3_UPLOAD_FAILED' }),
    );
    expect(await store.get(file('missing').key)).toBeUndefined();
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
  } finally {
    await rm(outside, { recursive: true, force: true });
  }
});

test('syncs file by file where the system has no command for all', async () => {
  const { PATH } = process.env;
  process.env.PATH = '';
  try {
    expect(syncFilesystem(root)).toBe(false);
    writeBatch(root, bodies(250));
  } finally {
    process.env.PATH = PATH;
  }
  expect((await store.get('r/objects/4/249'))?.toString()).toBe('body 249');
  // Asked once, not for every batch.
  expect(syncFilesystem(root)).toBe(false);
});
