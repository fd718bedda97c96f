import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GitSandbox, type SeededRepository } from '../../test/support/git.js';
import { Random } from '../../test/support/random.js';
import { CommitGraph, encodeSegment } from '../git/index.js';
import { encodeCommit, parseCommit } from '../git/objects/index.js';
import { commitsToReplay, rewriteCommit } from './replay.js';

let sandbox: GitSandbox;
let seeded: SeededRepository;
let graph: CommitGraph;

beforeAll(async () => {
  sandbox = new GitSandbox();
  seeded = await sandbox.seedHistory({ seed: 7, commits: 300, merges: 80, branches: 6 });
  const { stdout } = await sandbox.git(
    ['rev-list', '--all', '--topo-order', '--reverse', '--no-commit-header', '--format=%H %T %ct %P'],
    { cwd: seeded.dir },
  );
  const commits = stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [oid, tree, time, ...parents] = line.trim().split(' ') as [string, string, string, ...string[]];
      return { oid, tree, time: Number(time), parents };
    });
  graph = CommitGraph.fromSegments([encodeSegment(commits, [])]);
});
afterAll(() => sandbox.dispose());

describe('commitsToReplay', () => {
  it('names the commits that git names, in its order', async () => {
    const random = new Random(3);
    let several = 0;
    for (let round = 0; round < 40; round++) {
      const [head, target] = [random.below(graph.size), random.below(graph.size)];
      const range = `${graph.oid(target)}..${graph.oid(head)}`;
      const { stdout } = await sandbox.git(['rev-list', '--topo-order', '--reverse', '--no-merges', range], {
        cwd: seeded.dir,
      });
      const expected = stdout.split('\n').filter(Boolean);
      expect(commitsToReplay(graph, head, target).map((commit) => graph.oid(commit))).toEqual(expected);
      if (expected.length > 5) several++;
    }
    expect(several).toBeGreaterThan(10);
  });
});

describe('rewriteCommit', () => {
  const place = {
    tree: '1'.repeat(40),
    parent: '2'.repeat(40),
    committer: { name: 'C', email: 'c@x', time: 5, timezone: '+0000' },
  };
  const person = { name: 'Ä B', email: 'a@x', time: 1_000_000_000, timezone: '-0230' };

  it('keeps author and message, and drops signatures', () => {
    const original = encodeCommit({
      tree: '3'.repeat(40),
      parents: ['4'.repeat(40)],
      author: person,
      committer: person,
      extra: [{ name: 'gpgsig', value: 'line 1\nline 2' }],
      message: 'title\n\nbody 🦀\n',
    });
    expect(parseCommit(rewriteCommit(original, place))).toEqual({
      tree: place.tree,
      parents: [place.parent],
      author: person,
      committer: place.committer,
      extra: [],
      message: 'title\n\nbody 🦀\n',
    });
  });

  it('writes text of another encoding in UTF-8', () => {
    const head = `tree ${'3'.repeat(40)}\nauthor J\xfcrgen <j@x> 1 +0100\ncommitter J <j@x> 1 +0100\nencoding ISO-8859-1\n\n`;
    const rewritten = parseCommit(rewriteCommit(Buffer.from(`${head}Gr\xfc\xdfe\n`, 'latin1'), place));
    expect([rewritten.author.name, rewritten.message, rewritten.encoding]).toEqual(['Jürgen', 'Grüße\n', undefined]);
  });

  it('repairs what may not be written any more', () => {
    const odd = Buffer.from(`tree ${'3'.repeat(40)}\nauthor A > B <a> b@x> 7 +01\ncommitter A <a> 7 +0000\n\nm\n`);
    const { author } = parseCommit(rewriteCommit(odd, place));
    expect(author).toEqual({
      name: expect.stringMatching(/^A/),
      email: expect.any(String),
      time: 7,
      timezone: '+0000',
    });
  });
});
