import { describe, expect, test } from 'vitest';
import { CommitGraph, encodeSegment, type SegmentCommit } from './index.js';

const SIZE = 400;
const oid = (index: number) => (index + 1).toString(16).padStart(40, '0');

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

/** Several roots, merges of up to three parents, and clocks that run backwards. */
function invent(seed: number): { graph: CommitGraph; parents: number[][]; times: number[] } {
  const random = generator(seed);
  const parents: number[][] = [];
  const times: number[] = [];
  for (let i = 0; i < SIZE; i++) {
    const own = new Set<number>();
    const count = i === 0 || random(60) === 0 ? 0 : 1 + (random(4) === 0 ? 1 + random(2) : 0);
    for (let k = 0; k < count; k++) own.add(Math.max(0, i - 1 - random(random(6) === 0 ? i : 6)));
    parents.push([...own]);
    times.push(1000 + i * 10 - (random(8) === 0 ? random(400) : 0));
  }
  const commits = parents.map(
    (own, i): SegmentCommit => ({ oid: oid(i), tree: oid(i), time: times[i]!, parents: own.map(oid) }),
  );
  return { graph: CommitGraph.fromSegments([encodeSegment(commits, [])]), parents, times };
}

/** Breadth first, as the definition reads. */
function depthsOf(parents: number[][], heads: readonly number[]): Map<number, number> {
  const depths = new Map(heads.map((head) => [head, 1]));
  const queue = [...depths.keys()];
  for (let commit = queue.shift(); commit !== undefined; commit = queue.shift()) {
    for (const parent of parents[commit]!) {
      if (depths.has(parent)) continue;
      depths.set(parent, depths.get(commit)! + 1);
      queue.push(parent);
    }
  }
  return depths;
}

function ancestors(parents: number[][], from: Iterable<number>, cut: ReadonlySet<number> = new Set()): Set<number> {
  const seen = new Set(from);
  for (const commit of seen) if (!cut.has(commit)) for (const parent of parents[commit]!) seen.add(parent);
  return seen;
}

const ones = (flags: Uint8Array) => [...flags.keys()].filter((at) => flags[at] === 1);
const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);

describe.each([1, 2, 3])('history %i', (seed) => {
  const { graph, parents, times } = invent(seed);
  const random = generator(seed + 50);
  const some = (most: number) => Array.from({ length: random(most + 1) }, () => random(SIZE));

  test('the border at a depth is the one that walking by generations finds', () => {
    for (let round = 0; round < 60; round++) {
      const heads = [random(SIZE), ...some(3)];
      const depth = 1 + random(12);
      const depths = depthsOf(parents, heads);
      const { border, inside } = graph.borderAtDepth(heads, depth);
      expect(sorted(border)).toEqual(sorted(depths.keys()).filter((commit) => depths.get(commit) === depth));
      expect(ones(inside)).toEqual(sorted(depths.keys()).filter((commit) => depths.get(commit)! < depth));
    }
  });

  test('the border of a set is where a parent is outside of it', () => {
    for (let round = 0; round < 40; round++) {
      const commits = graph.reachable([random(SIZE), ...some(2)], some(3));
      const member = new Set(commits);
      const whole = (commit: number) => parents[commit]!.every((parent) => member.has(parent));
      const { border, inside } = graph.borderOf(commits);
      expect(sorted(border)).toEqual(sorted(commits).filter((commit) => !whole(commit)));
      expect(ones(inside)).toEqual(sorted(commits).filter(whole));
    }
  });

  test('a walk ends where it is cut, on both sides', () => {
    for (let round = 0; round < 60; round++) {
      const [include, exclude, cut] = [[random(SIZE), ...some(2)], some(2), new Set(some(6))];
      const known = ancestors(parents, exclude, cut);
      const expected = sorted(ancestors(parents, include, cut)).filter((commit) => !known.has(commit));
      const found = graph.reachable(include, exclude, { cut });
      expect([...found]).toEqual(expected);
      const outside = sorted(found)
        .filter((commit) => !cut.has(commit))
        .flatMap((commit) => parents[commit]!.filter((parent) => !expected.includes(parent)));
      expect([...graph.boundary(found, cut)]).toEqual(sorted(new Set(outside)));
    }
  });

  test('what is too old takes everything behind it along, whatever the clocks say', () => {
    for (let round = 0; round < 60; round++) {
      const include = [random(SIZE), ...some(2)];
      const since = 1000 + random(SIZE * 10);
      const reached = ancestors(parents, include);
      const old = ancestors(
        parents,
        [...reached].filter((commit) => times[commit]! < since),
      );
      const expected = sorted(reached).filter((commit) => !old.has(commit));
      expect([...graph.reachable(include, [], { since })]).toEqual(expected);
    }
  });

  test('positions outside of the graph are a caller’s mistake', () => {
    expect(() => graph.borderAtDepth([SIZE], 1)).toThrow(RangeError);
    expect(() => graph.borderOf(Int32Array.of(-1))).toThrow(RangeError);
  });
});
