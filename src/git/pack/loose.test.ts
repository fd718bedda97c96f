import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { GitSandbox } from '../../../test/support/git.js';
import { Random } from '../../../test/support/random.js';
import { objectId } from '../objects/id.js';
import { deflateContent, encodeLoose } from './loose.js';

const sandbox = new GitSandbox();
afterAll(() => sandbox.dispose());

/** Contents of many sizes, some that compress and some that do not. */
function contents(): Buffer[] {
  const random = new Random(11);
  const sizes = [0, 1, 31, 5_551, 65_520, 65_521, 65_522, 131_042, 300_000];
  const noise = sizes.map((size) => Buffer.from(Uint8Array.from({ length: size }, () => random.below(256))));
  return [...noise, ...sizes.map((size) => Buffer.alloc(size, 'a line of text\n')), Buffer.alloc(200_000, 0xff)];
}

test('a loose object is header and content in one zlib stream, which zlib finds whole', () => {
  for (const data of contents()) {
    const plain = inflateSync(encodeLoose('blob', data));
    expect(plain.equals(Buffer.concat([Buffer.from(`blob ${data.length}\0`), data]))).toBe(true);
    expect(inflateSync(deflateContent(data)).equals(data)).toBe(true);
  }
});

test('git reads them and finds nothing wrong', async () => {
  const dir = sandbox.path('loose.git');
  await sandbox.git(['init', '-q', '--bare', dir]);
  for (const data of contents()) {
    const oid = objectId('blob', data);
    const path = join(dir, 'objects', oid.slice(0, 2), oid.slice(2));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, encodeLoose('blob', data));
    expect((await sandbox.git(['cat-file', 'blob', oid], { cwd: dir })).bytes.equals(data)).toBe(true);
    expect((await sandbox.git(['cat-file', '-t', oid], { cwd: dir })).stdout).toBe('blob\n');
  }
  await sandbox.git(['fsck', '--strict', '--full'], { cwd: dir });
});
