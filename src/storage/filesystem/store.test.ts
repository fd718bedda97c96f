import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectStore } from '../contract.js';
import { CONTENT_TYPES, looseKey } from '../keys.js';
import { openObjectStore } from '../open.js';
import { createFilesystemStore } from './store.js';
import { TempFiles } from './temp.js';

const OPTIONS = { contentType: 'application/octet-stream' };

let root: string;
let store: ObjectStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gitclaw-files-'));
  store = await createFilesystemStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function tempFiles(): Promise<string[]> {
  return readdir(join(root, '.tmp'));
}

describe('filesystem store', () => {
  it('is a git object directory', async () => {
    const content = Buffer.from('blob 6\0hello\n');
    const oid = createHash('sha1').update(content).digest('hex');
    await store.put(looseKey('repo', oid), deflateSync(content), { contentType: CONTENT_TYPES.loose });
    const bare = join(root, 'check.git');
    execFileSync('git', ['init', '-q', '--bare', bare]);
    const env = { ...process.env, GIT_OBJECT_DIRECTORY: join(root, 'repo', 'objects') };
    expect(execFileSync('git', ['-C', bare, 'cat-file', '-p', oid], { env }).toString()).toBe('hello\n');
    expect(
      execFileSync('git', ['-C', bare, 'fsck', '--full', '--strict'], { env, stdio: 'pipe' }).toString(),
    ).not.toMatch(/error|garbage/);
  });

  it('reads type and size of what git wrote', async () => {
    const bare = join(root, 'made.git');
    execFileSync('git', ['init', '-q', '--bare', bare]);
    const oid = execFileSync('git', ['-C', bare, 'hash-object', '-w', '--stdin'], { input: Buffer.alloc(100_000, 1) })
      .toString()
      .trim();
    const info = await store.head(looseKey('made.git', oid));
    expect(info?.metadata).toEqual({ 'x-git-object-type': 'blob', 'x-git-object-size': '100000' });
  });

  it('knows no metadata of a file that is no loose object', async () => {
    const key = looseKey('repo', 'ab'.repeat(20));
    for (const body of [Buffer.from('not zlib'), deflateSync(Buffer.from('something else')), Buffer.alloc(0)]) {
      await store.put(key, body, OPTIONS);
      expect(await store.head(key)).toMatchObject({ size: body.length, metadata: {} });
    }
  });

  it('tells where a body lies', async () => {
    await store.put('repo/x', Buffer.from('here'), OPTIONS);
    expect((await readFile(store.localPath('repo/x') ?? '')).toString()).toBe('here');
  });

  it('shares the blocks of a stored file and leaves no working file', async () => {
    const path = join(root, '.incoming');
    await writeFile(path, 'pack');
    await store.putFile('repo/p.pack', path, OPTIONS);
    await store.putFile('repo/p.pack', path, OPTIONS);
    expect((await stat(path)).nlink).toBe(2);
    expect((await stat(join(root, 'repo/p.pack'))).ino).toBe((await stat(path)).ino);
    expect(await tempFiles()).toEqual([]);
  });

  it('replaces a body by a file, and a file by a body', async () => {
    const path = join(root, '.incoming');
    await store.put('repo/p.pack', Buffer.from('old'), OPTIONS);
    await writeFile(path, 'new');
    await store.putFile('repo/p.pack', path, OPTIONS);
    expect((await store.get('repo/p.pack'))?.toString()).toBe('new');
    await store.put('repo/p.pack', Buffer.from('newest'), OPTIONS);
    expect((await store.get('repo/p.pack'))?.toString()).toBe('newest');
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await tempFiles()).toEqual([]);
  });

  it('takes many files into one new folder while others empty it', async () => {
    const path = join(root, '.incoming');
    await writeFile(path, 'pack');
    const keys = Array.from({ length: 40 }, (_, i) => `repo/objects/pack/${i}`);
    await Promise.all(
      keys.flatMap((key) => [store.putFile(key, path, OPTIONS), store.put(`${key}.gone`, Buffer.from('x'), OPTIONS)]),
    );
    await Promise.all(
      keys.flatMap((key) => [
        store.delete([`${key}.gone`]),
        store.put(`repo/other/${key.length}/${key.replaceAll('/', '-')}`, Buffer.from('y'), OPTIONS),
        store.delete([`repo/other/${key.length}/none`]),
      ]),
    );
    const found: string[] = [];
    for await (const { key } of store.list('repo/objects/')) found.push(key);
    expect(found.sort()).toEqual([...keys].sort());
    expect(await tempFiles()).toEqual([]);
  });

  it('copies a file from another file system', async () => {
    const other = await mkdtemp('/dev/shm/gitclaw-files-');
    await writeFile(join(other, 'pack'), 'far away');
    await store.putFile('repo/p.pack', join(other, 'pack'), OPTIONS);
    expect((await store.get('repo/p.pack'))?.toString()).toBe('far away');
    expect(await readFile(join(other, 'pack'), 'utf8')).toBe('far away');
    await rm(other, { recursive: true });
    expect(await tempFiles()).toEqual([]);
  });

  it('removes old working files at the start, and only those', async () => {
    await writeFile(join(root, '.tmp', 'fresh'), 'x');
    const reopened = await createFilesystemStore(root);
    expect(await tempFiles()).toEqual(['fresh']);
    await new TempFiles(root).open(Date.now() + 3_700_000);
    expect(await tempFiles()).toEqual([]);
    for await (const { key } of reopened.list('')) expect(key).toBe('never');
    for await (const name of reopened.listTopLevel()) expect(name).toBe('never');
  });

  it('removes emptied folders', async () => {
    await store.put('repo/objects/ab/cd', Buffer.from('x'), OPTIONS);
    await store.put('repo/objects/ab/ce', Buffer.from('x'), OPTIONS);
    await store.delete(['repo/objects/ab/cd']);
    expect(await readdir(join(root, 'repo/objects/ab'))).toEqual(['ce']);
    await store.deletePrefix('repo/objects/');
    expect(await readdir(root)).toEqual(['.tmp']);
  });

  it('refuses a key that is a folder of another, whole', async () => {
    await store.put('repo/a/b', Buffer.from('x'), OPTIONS);
    await expect(store.put('repo/a', Buffer.from('y'), OPTIONS)).rejects.toMatchObject({ code: 'S3_UPLOAD_FAILED' });
    await expect(store.put('repo/a/b/c', Buffer.from('y'), OPTIONS)).rejects.toMatchObject({
      code: 'S3_UPLOAD_FAILED',
    });
    await expect(store.stream('repo/a')).rejects.toMatchObject({ code: 'S3_OBJECT_NOT_FOUND' });
    expect((await store.get('repo/a/b'))?.toString()).toBe('x');
    expect(await tempFiles()).toEqual([]);
  });

  it('works again after its working folder was removed', async () => {
    await rm(join(root, '.tmp'), { recursive: true });
    await expect(store.check()).rejects.toMatchObject({ code: 'OBJECT_STORAGE_ERROR' });
    await store.put('repo/x', Buffer.from('x'), OPTIONS);
    expect((await store.get('repo/x'))?.toString()).toBe('x');
  });

  it('follows no symbolic link when it lists or deletes', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'gitclaw-outside-'));
    await writeFile(join(outside, 'keep'), 'x');
    await mkdir(join(root, 'repo'));
    await symlink(outside, join(root, 'repo', 'link'));
    expect(await store.deletePrefix('repo/')).toBe(0);
    expect(await readdir(outside)).toEqual(['keep']);
    await rm(outside, { recursive: true });
  });

  it('says so when the folder cannot be used, and names no path', async () => {
    await writeFile(join(root, 'file'), 'x');
    const failure: unknown = await createFilesystemStore(join(root, 'file', 'below')).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'OBJECT_STORAGE_ERROR', message: 'The object storage could not answer.' });
  });
});

describe('openObjectStore', () => {
  it('uses the folder "objects" of the data directory when no bucket is named', async () => {
    const calls: string[] = [];
    const opened = await openObjectStore(
      { s3: undefined, GITCLAW_DATA_DIR: root },
      { operation: (name) => calls.push(name) },
    );
    await opened.put('repo/x', Buffer.from('x'), OPTIONS);
    expect(opened.kind).toBe('filesystem');
    expect(await readFile(join(root, 'objects', 'repo', 'x'), 'utf8')).toBe('x');
    expect(calls).toEqual(['put_object']);
    await opened.close();
  });
});
