import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectId } from '../objects/index.js';
import { OBJECT_TYPES } from '../objects/type.js';
import { OID_BYTES, oidToBytes, unpackOids } from '../oid.js';
import { CommitGraph, decodeSegment, encodeSegment, GraphError, type SegmentCommit } from './index.js';

const COMMITS = 2_500;

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

let repo: string;
const git = (args: string[], input = '') =>
  execFileSync('git', args, { cwd: repo, stdio: 'pipe', input, maxBuffer: 1 << 28 })
    .toString()
    .trim();
const lines = (text: string) => (text === '' ? [] : text.split('\n'));

/** Seeded history: branches, merges up to four parents, several roots, and clocks that go wrong. */
function fastImport(seed: number): string {
  const random = generator(seed);
  let stream = '';
  for (let i = 1; i <= COMMITS; i++) {
    const skew = random(10) === 0 ? random(2_000_000) - 1_000_000 : 0;
    const time = 1_600_000_000 + i * 60 + skew;
    const text = `file ${i}\n`;
    stream += `commit refs/heads/b${random(12)}\nmark :${i}\ncommitter A <a@b> ${time} +0000\ndata 1\nx`;
    if (i > 1 && random(200) !== 0) {
      const near = () => Math.max(1, i - 1 - random(random(5) === 0 ? i : 12));
      stream += `\nfrom :${near()}`;
      const merges = new Set(random(4) === 0 ? Array.from({ length: random(3) + 1 }, near) : []);
      for (const parent of merges) stream += `\nmerge :${parent}`;
    }
    stream += `\nM 100644 inline f${random(5)}\ndata ${text.length}\n${text}\n`;
  }
  return stream;
}

let all: SegmentCommit[];
let graph: CommitGraph;

beforeAll(() => {
  repo = mkdtempSync(join(tmpdir(), 'gitclaw-graph-'));
  git(['init', '-q', '--bare', '.']);
  const marks = join(repo, 'marks');
  git(['fast-import', '--quiet', '--force', `--export-marks=${marks}`], fastImport(11));
  const oids = lines(execFileSync('cut', ['-d ', '-f2', marks]).toString().trim());
  // Without generation numbers git's own answers are only approximate when clocks are this wrong.
  git(['commit-graph', 'write', '--stdin-commits'], oids.join('\n'));
  const rows = lines(
    git(
      ['rev-list', '--stdin', '--topo-order', '--reverse', '--no-commit-header', '--format=%H %T %ct %P'],
      oids.join('\n'),
    ),
  );
  all = rows.map((row) => {
    const [oid, tree, time, ...parents] = row.trim().split(' ') as [string, string, string, ...string[]];
    return { oid, tree, time: Number(time), parents };
  });
  graph = CommitGraph.fromSegments([encodeSegment(all, [])]);
});
afterAll(() => rmSync(repo, { recursive: true, force: true }));

const oidsOf = (indexes: Iterable<number>, of = graph) => Array.from(indexes, (index) => of.oid(index));

describe('segments', () => {
  test('survive encode and decode', () => {
    const tags = [{ oid: '1'.repeat(40), target: '2'.repeat(40), targetType: 1 }];
    const commits = [{ ...all[0]!, time: -5 }, { ...all[1]!, time: 2 ** 40 + 7 }, all[2]!];
    expect(decodeSegment(encodeSegment(commits, tags))).toEqual({ commits, tags });
  });

  test('cut or padded ones are refused', () => {
    const bytes = encodeSegment(all.slice(0, 3), [{ oid: '1'.repeat(40), target: '2'.repeat(40), targetType: 1 }]);
    for (let size = 0; size < bytes.length; size++) {
      expect(() => CommitGraph.fromSegments([bytes.subarray(0, size)])).toThrow(RangeError);
    }
    expect(() => decodeSegment(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(RangeError);
  });
});

describe('newestFirst', () => {
  test('is the order of git log --date-order, page by page', () => {
    for (const row of all.filter((_, i) => i % 500 === 499)) {
      const expected = lines(git(['log', '--date-order', '--format=%H', row.oid]));
      const start = graph.indexOf(row.oid);
      expect(oidsOf(graph.newestFirst(start, 0, COMMITS))).toEqual(expected);
      expect(oidsOf(graph.newestFirst(start, 7, 50))).toEqual(expected.slice(7, 57));
      expect(graph.newestFirst(start, expected.length, 10)).toEqual([]);
    }
  });

  test('does not pass over a parent that is missing', () => {
    const partial = CommitGraph.fromSegments([encodeSegment(all.slice(1000), [])]);
    expect(() => partial.newestFirst(partial.size - 1, 0, 10)).toThrow(GraphError);
    expect(() => graph.newestFirst(graph.size, 0, 1)).toThrow(RangeError);
  });
});

describe('reading', () => {
  test('every commit is found with its data', () => {
    expect(graph.size).toBe(COMMITS);
    for (const commit of all) {
      const index = graph.indexOf(commit.oid);
      expect(graph.indexOf(oidToBytes(commit.oid))).toBe(index);
      expect(graph.oid(index)).toBe(commit.oid);
      expect(graph.tree(index)).toBe(commit.tree);
      expect(graph.time(index)).toBe(commit.time);
      const parents = graph.parents(index);
      expect(oidsOf(parents)).toEqual(commit.parents);
      expect(graph.generation(index)).toBe(1 + Math.max(0, ...parents.map((parent) => graph.generation(parent))));
      expect(parents.every((parent) => parent < index)).toBe(true);
    }
    expect(all.filter((commit) => commit.parents.length > 1).length).toBeGreaterThan(300);
    expect(graph.indexOf('f'.repeat(40))).toBe(-1);
    expect(() => graph.oid(graph.size)).toThrow(RangeError);
    expect(() => graph.tree(-1)).toThrow(RangeError);
  });

  test('packs ids and trees', () => {
    const some = [5, 3, 100];
    expect(unpackOids(graph.pack(some, 'oids'))).toEqual(oidsOf(some));
    expect(unpackOids(graph.pack(Int32Array.from(some), 'trees'))).toEqual(some.map((index) => graph.tree(index)));
    expect(graph.pack([], 'oids').length % OID_BYTES).toBe(0);
  });

  test('tags are peeled, also through tags and to objects that are no commits', () => {
    const [outer, inner, blobTag] = ['a', 'b', 'c'].map((digit) => digit.repeat(40)) as [string, string, string];
    const blob = objectId('blob', Buffer.from('x'));
    const commit = all[7]!.oid;
    const tagged = graph.withSegment(
      encodeSegment(
        [],
        [
          { oid: outer, target: inner, targetType: OBJECT_TYPES.tag },
          { oid: inner, target: commit, targetType: OBJECT_TYPES.commit },
          { oid: blobTag, target: blob, targetType: OBJECT_TYPES.blob },
        ],
      ),
    );
    expect(tagged.peel(outer)).toEqual({ oid: commit, type: 'commit' });
    expect(tagged.peel(blobTag)).toEqual({ oid: blob, type: 'blob' });
    expect(tagged.peel(commit)).toEqual({ oid: commit, type: 'commit' });
    expect(tagged.peel(blob)).toEqual({ oid: blob });
    expect(tagged.tag(outer)).toEqual({ target: inner, targetType: OBJECT_TYPES.tag });
    expect(graph.tag(outer)).toBeUndefined();
  });
});

describe('walking, compared with git', () => {
  test('reachable equals rev-list, parents first, and boundary the parents outside', () => {
    const random = generator(5);
    for (let round = 0; round < 60; round++) {
      const pick = (count: number) => Array.from({ length: count }, () => random(graph.size));
      const include = pick(1 + random(3));
      const exclude = pick(random(4));
      const found = graph.reachable(include, exclude);
      const from = random(graph.size);
      expect([...graph.reachable(include, exclude, { from })]).toEqual([...found].filter((index) => index >= from));
      const revisions = [...oidsOf(include), ...oidsOf(exclude).map((oid) => `^${oid}`)];
      const expected = lines(git(['rev-list', '--topo-order', ...revisions]));
      const oids = oidsOf(found);
      expect([...oids].sort()).toEqual([...expected].sort());
      const position = new Map(oids.map((oid, at) => [oid, at]));
      const outside = new Set<string>();
      for (const index of found) {
        for (const parent of oidsOf(graph.parents(index))) {
          const at = position.get(parent);
          if (at === undefined) outside.add(parent);
          else expect(at).toBeLessThan(position.get(graph.oid(index))!);
        }
      }
      expect(oidsOf(graph.boundary(found)).sort()).toEqual([...outside].sort());
    }
  });

  test('merge bases and ancestry', () => {
    const random = generator(6);
    let several = 0;
    for (let round = 0; round < 150; round++) {
      const a = random(graph.size);
      const b = round % 3 === 0 ? random(graph.size) : Math.max(0, a - random(40));
      const [first, second] = oidsOf([a, b]) as [string, string];
      const expected = lines(mergeBase(first, second));
      expect(oidsOf(graph.mergeBases(a, b)).sort()).toEqual(expected.sort());
      expect(oidsOf(graph.mergeBases(b, a)).sort()).toEqual(expected.sort());
      if (expected.length > 1) several++;
      expect(graph.isAncestor(b, a)).toBe(expected.includes(second));
      expect(graph.isAncestor(a, b)).toBe(expected.includes(first));
    }
    expect(several).toBeGreaterThan(5);
  });

  function mergeBase(a: string, b: string): string {
    // The command fails when there is none.
    try {
      return git(['merge-base', '--all', a, b]);
    } catch {
      return '';
    }
  }

  test('allReach equals asking for each', () => {
    const random = generator(8);
    const seen = new Set<boolean>();
    for (let round = 0; round < 300; round++) {
      const from = Array.from({ length: 1 + random(2) }, () => random(graph.size));
      const targets = Array.from({ length: random(3) }, () => random(graph.size));
      const expected = from.every((one) => targets.some((target) => graph.isAncestor(target, one)));
      expect(graph.allReach(from, targets)).toBe(expected);
      seen.add(expected);
    }
    expect(seen.size).toBe(2);
    expect(graph.allReach([], [1])).toBe(true);
  });
});

describe('growing', () => {
  test('segment by segment equals all at once, in any order', () => {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < all.length; at += 173) pieces.push(encodeSegment(all.slice(at, at + 173), []));
    let grown = CommitGraph.fromSegments([]);
    for (const piece of pieces) grown = grown.withSegment(piece);
    const shuffled = CommitGraph.fromSegments([...pieces].reverse());
    let backwards = CommitGraph.fromSegments([]);
    for (const piece of [...pieces].reverse()) backwards = backwards.withSegment(piece);
    for (const other of [grown, shuffled, backwards]) {
      expect(other.size).toBe(graph.size);
      for (const commit of all) {
        const index = other.indexOf(commit.oid);
        expect(oidsOf(other.parents(index), other)).toEqual(commit.parents);
        expect(other.parents(index).every((parent) => parent < index)).toBe(true);
        expect(other.tree(index)).toBe(commit.tree);
        expect(other.time(index)).toBe(commit.time);
        expect(other.generation(index)).toBe(graph.generation(graph.indexOf(commit.oid)));
      }
    }
  });

  test('old graphs stay as they are, and two can grow from one', () => {
    const base = CommitGraph.fromSegments([encodeSegment(all.slice(0, 1000), [])]);
    const left = base.withSegment(encodeSegment(all.slice(1000, 1500), []));
    const right = base.withSegment(encodeSegment(all.slice(1000, 1100), []));
    const further = left.withSegment(encodeSegment(all.slice(1400, 2500), []));
    expect([base.size, left.size, right.size, further.size]).toEqual([1000, 1500, 1100, 2500]);
    expect(base.indexOf(all[1000]!.oid)).toBe(-1);
    expect(right.indexOf(all[1099]!.oid)).toBe(1099);
    expect(right.indexOf(all[1100]!.oid)).toBe(-1);
    expect(left.indexOf(all[1499]!.oid)).toBe(1499);
    expect(further.mergeBases(2400, 2300)).toEqual(graph.mergeBases(2400, 2300));
    expect(() => base.reachable([1000], [])).toThrow(RangeError);
  });

  test('the same segment twice gives the same rows, another one others', () => {
    const base = CommitGraph.fromSegments([encodeSegment(all.slice(0, 1000), [])]);
    const tag = { oid: '1'.repeat(40), target: all[1001]!.oid, targetType: OBJECT_TYPES.commit };
    const next = encodeSegment(all.slice(998, 1003), [tag]);
    const [first, second] = [base.withSegment(next), base.withSegment(next)];
    const longer = first.withSegment(encodeSegment(all.slice(1003, 1010), []));
    const other = base.withSegment(encodeSegment(all.slice(1000, 1002), []));
    const gap = base.withSegment(encodeSegment([...all.slice(1000, 1002), ...all.slice(1003, 1005)], []));
    expect([first, second, longer, other, gap].map(({ size }) => size)).toEqual([1003, 1003, 1010, 1002, 1004]);
    for (const same of [first, second, longer]) {
      expect(oidsOf([1000, 1001, 1002], same)).toEqual(all.slice(1000, 1003).map((commit) => commit.oid));
      expect(same.peel(tag.oid)).toEqual({ oid: tag.target, type: 'commit' });
    }
    expect(other.tag(tag.oid)).toBeUndefined();
    expect(gap.has(all[1002]!.oid)).toBe(false);
    expect(gap.oid(1003)).toBe(all[1004]!.oid);
  });

  test('a missing parent is an error only on the way', () => {
    const tip = all.findLast((commit) => commit.parents.length === 1)!;
    const child = { ...tip, oid: '1'.repeat(40), parents: [tip.oid] };
    const partial = CommitGraph.fromSegments([encodeSegment([tip, child], [])]);
    expect(partial.parents(0)).toEqual([-1]);
    expect([...partial.reachable([1], [0])]).toEqual([1]);
    expect(partial.isAncestor(0, 1)).toBe(true);
    expect(() => partial.reachable([1], [])).toThrow(GraphError);
    expect(() => partial.reachable([1], [])).toThrow(tip.parents[0]);
    const root = { ...all[0]!, oid: tip.parents[0]!, parents: [] };
    const whole = partial.withSegment(encodeSegment([root], []));
    expect(oidsOf(whole.reachable([whole.indexOf(child.oid)], []), whole)).toEqual([root.oid, tip.oid, child.oid]);
    expect(partial.parents(0)).toEqual([-1]);
  });
});
