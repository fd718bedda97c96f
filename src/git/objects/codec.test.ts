import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asBuffer } from '../bytes.js';
import { isGitlink, isSymlink, isTree } from '../mode.js';
import {
  type Commit,
  commitLinks,
  encodeCommit,
  encodeTag,
  encodeTree,
  forEachTreeEntry,
  ObjectError,
  objectHeader,
  objectId,
  parseCommit,
  parsePerson,
  parseTag,
  treeEntries,
} from './index.js';

let repo: string;
const git = (args: string[], input: Uint8Array | string = '') =>
  execFileSync('git', args, { cwd: repo, stdio: 'pipe', input });
const id = (args: string[], input?: Uint8Array | string) => git(args, input).toString().trim();

beforeAll(() => {
  repo = mkdtempSync(join(tmpdir(), 'gitclaw-codec-'));
  git(['init', '-q', '--bare', '.']);
});
afterAll(() => rmSync(repo, { recursive: true, force: true }));

const ZERO = '0'.repeat(40);
const ONE = '1'.repeat(40);
const person = { name: 'Zoë Ω', email: 'z@example.com', time: 1_700_000_000, timezone: '-0330' };

describe('ids', () => {
  test('equal those of git', () => {
    const data = Buffer.from('hello\n');
    expect(objectId('blob', data)).toBe(id(['hash-object', '--stdin'], data));
    expect(objectHeader('blob', 6).toString('latin1')).toBe('blob 6\0');
  });
});

describe('trees', () => {
  test('are sorted and written as git mktree does', () => {
    const blob = id(['hash-object', '-w', '--stdin'], 'x');
    const sub = id(['mktree'], '');
    const rows: [number, string, string][] = [
      [0o100644, 'a.c', blob],
      [0o40000, 'a', sub],
      [0o100755, 'a0', blob],
      [0o120000, 'ünï', blob],
      [0o160000, 'sub', ONE],
      [0o100644, 'Z', blob],
    ];
    const kind = (mode: number) => (mode === 0o40000 ? 'tree' : mode === 0o160000 ? 'commit' : 'blob');
    const lines = rows.map(([mode, name, oid]) => `${mode.toString(8)} ${kind(mode)} ${oid}\t${name}\0`).join('');
    const expected = id(['mktree', '-z'], lines);
    const data = encodeTree(rows.map(([mode, name, oid]) => ({ mode, name, oid })));
    expect(objectId('tree', data)).toBe(expected);
    const entries = treeEntries(data);
    expect(entries.map((entry) => entry.name)).toEqual(['Z', 'a.c', 'a', 'a0', 'sub', 'ünï']);
    expect(entries.filter((entry) => isTree(entry.mode)).map((entry) => entry.oid)).toEqual([sub]);
    expect(entries.filter((entry) => isGitlink(entry.mode)).map((entry) => entry.oid)).toEqual([ONE]);
    expect(entries.filter((entry) => isSymlink(entry.mode)).map((entry) => entry.name)).toEqual(['ünï']);
    expect(encodeTree(entries.map(({ mode, bytes, oid }) => ({ mode, name: bytes, oid })))).toEqual(data);
  });

  test('malformed ones are refused', () => {
    for (const text of ['x', '100644', '100644 a', '100644 a\0', '100648 a\0', ' a\0', '1777777 a\0']) {
      const data = Buffer.concat([
        Buffer.from(text, 'latin1'),
        Buffer.alloc(text.endsWith('a\0') && text[0] === '1' && text.length > 11 ? 20 : 19),
      ]);
      expect(() => forEachTreeEntry(data, () => {})).toThrow(ObjectError);
    }
    for (const name of ['', 'a/b', 'a\0']) {
      expect(() => encodeTree([{ mode: 0o100644, name, oid: ONE }])).toThrow(ObjectError);
    }
    const twice = { mode: 0o100644, name: 'a', oid: ONE };
    expect(() => encodeTree([twice, twice])).toThrow(ObjectError);
    expect(() => encodeTree([{ ...twice, oid: 'x' }])).toThrow(ObjectError);
  });
});

describe('commits', () => {
  const base = {
    tree: ZERO,
    parents: [ONE, ZERO],
    author: person,
    committer: { ...person, time: 5 },
    message: 'Hä?\n',
  };

  test('survive encode and parse, folded headers too', () => {
    const extra: Commit['extra'] = [{ name: 'gpgsig', value: '-----BEGIN\n\nabc\n-----END' }];
    const data = encodeCommit({ ...base, extra });
    expect(parseCommit(data)).toEqual({ ...base, extra });
    expect(commitLinks(data)).toEqual({ tree: ZERO, parents: [ONE, ZERO], time: 5 });
  });

  test('equal those of git commit-tree', () => {
    const tree = id(['mktree'], '');
    const env = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@b', GIT_AUTHOR_DATE: '@7 +0100' };
    const committer = { GIT_COMMITTER_NAME: 'C', GIT_COMMITTER_EMAIL: 'c@d', GIT_COMMITTER_DATE: '@9 -0200' };
    const options = { cwd: repo, input: 'subject\n', env: { ...process.env, ...env, ...committer } };
    const oid = execFileSync('git', ['commit-tree', tree], options).toString().trim();
    const data = encodeCommit({
      tree,
      parents: [],
      author: { name: 'A', email: 'a@b', time: 7, timezone: '+0100' },
      committer: { name: 'C', email: 'c@d', time: 9, timezone: '-0200' },
      message: 'subject\n',
    });
    expect(objectId('commit', data)).toBe(oid);
    expect(data).toEqual(git(['cat-file', 'commit', oid]));
  });

  test('other encodings are decoded', () => {
    const head = `tree ${ZERO}\nauthor A <a@b> 1 +0000\ncommitter J\xf6rg <a@b> 2 +0000\nencoding ISO-8859-1\n\nGr\xfc\xdfe`;
    const commit = parseCommit(Buffer.from(head, 'latin1'));
    expect(commit).toMatchObject({ message: 'Grüße', encoding: 'ISO-8859-1', committer: { name: 'Jörg', time: 2 } });
    const odd = parseCommit(Buffer.from(head.replace('ISO-8859-1', 'no-such'), 'latin1'));
    expect(odd.message).toBe('Gr\ufffd\ufffde');
  });

  test('only parents right behind the tree count', () => {
    const data = Buffer.from(`tree ${ZERO}\nauthor A <a@b> 1 +0000\nparent ${ONE}\ncommitter A <a@b> 2 +0000\n\n`);
    expect(parseCommit(data).parents).toEqual([]);
    expect(commitLinks(data)).toEqual({ tree: ZERO, parents: [], time: 2 });
  });

  test('a committer line in the message is no committer', () => {
    const data = Buffer.from(`tree ${ZERO}\n\ncommitter A <a@b> 2 +0000\n`);
    expect(commitLinks(data).time).toBe(0);
  });

  test('broken ones are refused, by both readers', () => {
    for (const text of [
      '',
      'x',
      `tree ${ZERO}`.slice(0, 30),
      'tree x\n',
      `tree ${ZERO}\nparent 12\n`,
      ' x\n',
      `author ${ONE}\n`,
    ]) {
      expect(() => parseCommit(Buffer.from(text))).toThrow(ObjectError);
      expect(() => commitLinks(Buffer.from(text))).toThrow(ObjectError);
    }
    expect(() => encodeCommit({ ...base, tree: 'x' })).toThrow(ObjectError);
    expect(() => encodeCommit({ ...base, message: '\0' })).toThrow(ObjectError);
    expect(() => encodeCommit({ ...base, author: { ...person, name: 'a\nparent' } })).toThrow(ObjectError);
  });
});

describe('person lines', () => {
  test('are read leniently', () => {
    expect(parsePerson('A <a@b> 12 +0100')).toEqual({ name: 'A', email: 'a@b', time: 12, timezone: '+0100' });
    expect(parsePerson('nobody')).toEqual({ name: 'nobody', email: '', time: 0, timezone: '+0000' });
    expect(parsePerson('A <a>b> 12 +051800')).toMatchObject({ email: 'a', time: 12, timezone: '+051800' });
    expect(parsePerson('A <> 99999999999999999999 +0000').time).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('tags', () => {
  test('survive encode and parse, and git accepts them', () => {
    const tree = id(['mktree'], '');
    const tag = { object: tree, type: 'tree' as const, tag: 'v1', tagger: person, message: 'first\n' };
    const data = encodeTag(tag);
    expect(parseTag(data)).toEqual(tag);
    expect(id(['mktag'], data)).toBe(objectId('tag', data));
  });

  test('without tagger are read', () => {
    const data = Buffer.from(`object ${ONE}\ntype commit\ntag old\n\nx`);
    expect(parseTag(asBuffer(data))).toEqual({ object: ONE, type: 'commit', tag: 'old', message: 'x' });
  });

  test('broken ones are refused', () => {
    for (const text of ['', `object ${ONE}\n`, `object x\ntype commit\ntag a\n`, `object ${ONE}\ntype x\ntag a\n`]) {
      expect(() => parseTag(Buffer.from(text))).toThrow(ObjectError);
    }
    expect(() => encodeTag({ object: ONE, type: 'tree', tag: 'a\nb', message: '' })).toThrow(ObjectError);
  });
});
