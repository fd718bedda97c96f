import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkObject } from './check.js';
import { checkTree, MAX_NAME_BYTES } from './check-tree.js';
import { encodeTree } from './tree.js';
import type { ObjectType } from './type.js';

let repo: string;
let blob: string;
let tree: string;

const git = (args: string[], input?: Uint8Array | string) =>
  execFileSync('git', args, { cwd: repo, stdio: 'pipe', input: input ?? '' })
    .toString()
    .trim();

beforeAll(() => {
  repo = mkdtempSync(join(tmpdir(), 'gitclaw-check-'));
  git(['init', '-q', '--bare', '.']);
  blob = git(['hash-object', '-w', '--stdin'], 'content\n');
  tree = git(['mktree'], `100644 blob ${blob}\tfile\n`);
});
afterAll(() => rmSync(repo, { recursive: true, force: true }));

/** What git says when it receives this one object in a pack: the ids it names and whether it refuses. */
function gitVerdict(type: ObjectType, data: Uint8Array): { refused: boolean; text: string } {
  const oid = git(['hash-object', '-w', '--literally', '-t', type, '--stdin'], data);
  const pack = execFileSync('git', ['pack-objects', '--stdout', '-q'], { cwd: repo, stdio: 'pipe', input: `${oid}\n` });
  const run = spawnSync('git', ['index-pack', '--stdin', '--strict'], { cwd: repo, input: pack });
  return { refused: run.status !== 0, text: run.stderr.toString() };
}

const entry = (mode: string, name: string | Uint8Array, oid = blob) =>
  Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name as string), Buffer.of(0), Buffer.from(oid, 'hex')]);
const file = (name: string | Uint8Array) => entry('100644', name);
const dir = (name: string) => entry('40000', name, tree);
const concat = (...parts: Uint8Array[]) => Buffer.concat(parts);

const WHO = 'A U Thor <author@example.com> 1700000000 +0100';
const commit = (
  changes: { author?: string; committer?: string; tree?: string; extra?: string; message?: string } = {},
) =>
  Buffer.from(
    `${changes.tree ?? `tree ${tree}\n`}${changes.extra ?? ''}${changes.author ?? `author ${WHO}\n`}` +
      `${changes.committer ?? `committer ${WHO}\n`}${changes.message ?? '\nmessage\n'}`,
  );
const author = (who: string) => commit({ author: `author ${who}\n` });
const tag = (changes: { object?: string; type?: string; tag?: string; tagger?: string; rest?: string } = {}) =>
  Buffer.from(
    `${changes.object ?? `object ${tree}\n`}${changes.type ?? 'type tree\n'}${changes.tag ?? 'tag v1\n'}` +
      `${changes.tagger ?? `tagger ${WHO}\n`}${changes.rest ?? '\nmessage\n'}`,
  );

type Row = [id: string, type: ObjectType, make: () => Uint8Array];

const BAD: Row[] = [
  ['nulInHeader', 'commit', () => author('A\0B <a@b> 1 +0000')],
  ['unterminatedHeader', 'commit', () => Buffer.from(`tree ${tree}`)],
  ['unterminatedHeader', 'commit', () => Buffer.alloc(0)],
  ['missingTree', 'commit', () => commit({ tree: '' })],
  ['badTreeSha1', 'commit', () => commit({ tree: 'tree 1234\n' })],
  ['badTreeSha1', 'commit', () => commit({ tree: `tree ${tree} \n` })],
  ['badParentSha1', 'commit', () => commit({ extra: 'parent xyz\n' })],
  ['missingAuthor', 'commit', () => commit({ author: '' })],
  ['multipleAuthors', 'commit', () => commit({ author: `author ${WHO}\nauthor ${WHO}\n` })],
  ['missingCommitter', 'commit', () => commit({ committer: '' })],
  ['nulInCommit', 'commit', () => commit({ message: '\nmes\0sage\n' })],
  ['missingNameBeforeEmail', 'commit', () => author('<a@b> 1 +0000')],
  ['badName', 'commit', () => author('A > <a@b> 1 +0000')],
  ['missingEmail', 'commit', () => author('A U Thor 1 +0000')],
  ['missingSpaceBeforeEmail', 'commit', () => author('A<a@b> 1 +0000')],
  ['badEmail', 'commit', () => author('A <a<b> 1 +0000')],
  ['badEmail', 'commit', () => author('A <a@b 1 +0000')],
  ['missingSpaceBeforeDate', 'commit', () => author('A <a@b>1 +0000')],
  ['zeroPaddedDate', 'commit', () => author('A <a@b> 01 +0000')],
  ['badDate', 'commit', () => author('A <a@b> x +0000')],
  ['badDate', 'commit', () => author('A <a@b> 12x +0000')],
  ['badDateOverflow', 'commit', () => author('A <a@b> 9223372036854775808 +0000')],
  ['badDateOverflow', 'commit', () => author('A <a@b> 18446744073709551617 +0000')],
  ['badTimezone', 'commit', () => author('A <a@b> 1 0000')],
  ['badTimezone', 'commit', () => author('A <a@b> 1 +051800')],
  ['badTimezone', 'commit', () => author('A <a@b> 1 +00')],
  ['badDate', 'commit', () => commit({ committer: 'committer A <a@b> \n' })],
  ['nulInHeader', 'tag', () => tag({ tag: 'tag a\0b\n' })],
  ['unterminatedHeader', 'tag', () => Buffer.from(`object ${tree}\ntype tree\ntag x`)],
  ['missingObject', 'tag', () => tag({ object: '' })],
  ['badObjectSha1', 'tag', () => tag({ object: 'object 12\n' })],
  ['missingTypeEntry', 'tag', () => tag({ type: '' })],
  ['badType', 'tag', () => tag({ type: 'type thing\n' })],
  ['missingTagEntry', 'tag', () => tag({ tag: '' })],
  ['missingEmail', 'tag', () => tag({ tagger: 'tagger nobody\n' })],
  ['badTree', 'tree', () => Buffer.from('100644 file')],
  ['badTree', 'tree', () => concat(file('a'), Buffer.from('100644 b\0short'))],
  ['badTree', 'tree', () => entry('10x644', 'a')],
  ['badTree', 'tree', () => entry('', 'a')],
  ['nullSha1', 'tree', () => entry('100644', 'a', '0'.repeat(40))],
  ['fullPathname', 'tree', () => file('a/b')],
  ['hasDot', 'tree', () => file('.')],
  ['hasDotdot', 'tree', () => dir('..')],
  ['zeroPaddedFilemode', 'tree', () => entry('040000', 'a', tree)],
  ['duplicateEntries', 'tree', () => concat(file('a'), file('a'))],
  ['duplicateEntries', 'tree', () => concat(file('a'), dir('a'))],
  ['duplicateEntries', 'tree', () => concat(file('a'), file('a.c'), dir('a'))],
  ['duplicateEntries', 'tree', () => concat(file('a'), file('a-'), file('a-b'), file('a.c'), dir('a'))],
  ['treeNotSorted', 'tree', () => concat(file('b'), file('a'))],
  ['treeNotSorted', 'tree', () => concat(dir('a'), file('a.c'))],
  ['gitmodulesSymlink', 'tree', () => entry('120000', '.gitmodules')],
  ['gitmodulesSymlink', 'tree', () => entry('120000', '.GITMODULES . ')],
  ['gitmodulesSymlink', 'tree', () => entry('120000', 'gitmod~4')],
  ['gitmodulesSymlink', 'tree', () => entry('120000', 'GI7EBA~1')],
  ['gitmodulesSymlink', 'tree', () => entry('120000', 'gi7eb~10')],
  ['gitmodulesSymlink', 'tree', () => entry('120000', '.git\u200cmodules')],
  ['gitmodulesSymlink', 'tree', () => entry('120000', 'x\\.gitmodules')],
  ...[
    '.git',
    '.GIT',
    '.Git',
    'git~1',
    'GIT~1',
    '.git.',
    '.git ',
    '.git . .',
    'git~1.',
    '.git:x',
    '.git\\x',
    'a\\.git',
    'a\\b\\GIT~1',
    '\u200c.git',
    '.g\u200cit',
    '.git\u200d',
    '\ufeff.gIt',
    '.\u206fgit',
  ].map((name): Row => ['hasDotgit', 'tree', () => file(name)]),
  ['hasDotgit', 'tree', () => file(Buffer.concat([Buffer.from('.git'), Buffer.of(0xff), Buffer.from('x')]))],
  ['hasDotgit', 'tree', () => file(Buffer.concat([Buffer.from('.git'), Buffer.of(0xe2, 0x80)]))],
];

const GOOD: [string, ObjectType, () => Uint8Array][] = [
  ['plain', 'commit', () => commit()],
  ['no body', 'commit', () => commit({ message: '' })],
  ['empty name', 'commit', () => author(' <a@b> 1 +0000')],
  ['empty address', 'commit', () => author('A <> 0 +0000')],
  ['odd zone', 'commit', () => author('A <a@b> 1 -7777')],
  ['largest date', 'commit', () => author('A <a@b> 9223372036854775807 +0000')],
  ['blanks before date', 'commit', () => author('A <a@b>  1 +0000')],
  ['upper case id', 'commit', () => commit({ tree: `tree ${tree.toUpperCase()}\n` })],
  ['extra headers', 'commit', () => commit({ message: 'encoding latin1\ngpgsig a\n b\n\nx' })],
  ['no tagger', 'tag', () => tag({ tagger: '' })],
  ['odd tag name', 'tag', () => tag({ tag: 'tag a..b\n' })],
  ['more headers', 'tag', () => tag({ rest: 'x y\n\nmessage\n' })],
  ['empty', 'tree', () => Buffer.alloc(0)],
  ['old modes', 'tree', () => concat(entry('100664', 'a'), entry('100600', 'b'), entry('100777', 'c'))],
  ['gitlink', 'tree', () => entry('160000', 'sub', '1'.repeat(40))],
  ['sorted', 'tree', () => concat(file('a'), file('a.c'), dir('a0'), file('a00'))],
  ['directory order', 'tree', () => concat(file('a.c'), dir('a'), file('a0'))],
  ...[
    '.gitignore',
    '.gitx',
    '.gi',
    'git',
    'git~2',
    'git~',
    '...',
    '.a',
    '~',
    'a~1',
    'a\\b',
    '.git~1',
    'gi7eba~1',
    'é',
    '\u200c',
    '.gitmodules',
    'a:b',
  ].map((name): [string, ObjectType, () => Uint8Array] => [`name ${name}`, 'tree', () => file(name)]),
  ...['.gitattributes', '.mailmap', '.gitignore', 'gitmod~5', 'gi7eba~0', '.gitmodulesx', 'gi7eba~'].map(
    (name): [string, ObjectType, () => Uint8Array] => [`link ${name}`, 'tree', () => entry('120000', name)],
  ),
  ['not UTF-8', 'tree', () => file(Buffer.of(0xe2, 0xff))],
];

describe('checkObject', () => {
  test.each(BAD)('%s in a %s is refused by us and by git', (id, type, make) => {
    const data = make();
    expect(checkObject(type, data)?.id).toBe(id);
    const verdict = gitVerdict(type, data);
    expect(verdict.refused).toBe(true);
    // git parses commits and tags before it applies the rules, and then has no id to name.
    if (!/bogus commit object|bad parents in commit|fatal: invalid tag/.test(verdict.text)) {
      expect(verdict.text).toContain(id);
    }
  });

  test.each(GOOD)('%s (%s) passes with us and with git', (_name, type, make) => {
    const data = make();
    expect(checkObject(type, data)).toBeUndefined();
    expect(gitVerdict(type, data)).toMatchObject({ refused: false });
  });

  test('an empty name is named as such, where git says only that the tree cannot be parsed', () => {
    expect(checkObject('tree', file(''))?.id).toBe('emptyName');
    expect(gitVerdict('tree', file('')).refused).toBe(true);
  });

  test('names are limited in length', () => {
    expect(checkObject('tree', file('a'.repeat(MAX_NAME_BYTES)))).toBeUndefined();
    expect(checkObject('tree', file('a'.repeat(MAX_NAME_BYTES + 1)))?.id).toBe('largePathname');
  });

  test('lines that the header check lets pass cannot be unterminated', () => {
    for (const text of ['\n\n', '\n', 'tree \n\n', `tree ${tree}\n\nauthor `, `tree ${tree}\nauthor \n`]) {
      expect(checkObject('commit', Buffer.from(text))).toBeDefined();
    }
  });

  test('blobs are not judged', () => {
    expect(checkObject('blob', Buffer.of(0))).toBeUndefined();
  });

  test('random bytes and random changes never throw', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >>> 8) % below;
    };
    const samples: [ObjectType, Uint8Array][] = [
      ['commit', commit()],
      ['tag', tag()],
      ['tree', concat(file('a'), dir('b'), file('c'))],
    ];
    let refused = 0;
    for (let i = 0; i < 30_000; i++) {
      const [type, sample] = samples[i % 3]!;
      const data = Buffer.from(sample).subarray(0, random(20) === 0 ? random(sample.length) : sample.length);
      for (let n = random(3); n >= 0 && data.length > 0; n--) data[random(data.length)] = random(256);
      if (checkObject(type, data) !== undefined) refused++;
    }
    expect(refused).toBeGreaterThan(5_000);
  });

  test('a tree of 10,000 entries is checked in about a millisecond', () => {
    const names = Array.from({ length: 10_000 }, (_, i) => ({ mode: 0o100644, name: `some-file-${i}.ts`, oid: blob }));
    const data = encodeTree(names);
    const times = Array.from({ length: 30 }, () => {
      const start = performance.now();
      expect(checkTree(data)).toBeUndefined();
      return performance.now() - start;
    });
    // Far above what it takes, far below what a string per name would cost on a busy machine.
    expect(Math.min(...times)).toBeLessThan(20);
  });
});
