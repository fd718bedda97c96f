import { describe, expect, test } from 'vitest';
import { OBJECT_TYPES } from '../objects/type.js';
import { CommitGraph, ExtendedGraph, encodeSegment, type SegmentCommit } from './index.js';

const oid = (name: number) => name.toString(16).padStart(40, '0');

/** Commits with up to three parents among those before; the same ones every time. */
function history(count: number): SegmentCommit[] {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  return Array.from({ length: count }, (_, i) => ({
    oid: oid(i + 1),
    tree: oid(10_000 + i),
    time: 1_600_000_000 + i,
    parents: [
      ...new Set(Array.from({ length: i === 0 ? 0 : random(4) }, () => oid(1 + Math.max(0, i - 1 - random(30))))),
    ],
  }));
}

const COMMITS = 200;
const all = history(COMMITS);
const whole = CommitGraph.fromSegments([encodeSegment(all, [])]);

describe('a graph with a pack', () => {
  test('answers as the graph of both does, wherever the pack begins', () => {
    for (const split of [0, 1, 120, 190, 199, COMMITS]) {
      const base = CommitGraph.fromSegments([encodeSegment(all.slice(0, split), [])]);
      const extended = new ExtendedGraph(base, encodeSegment(all.slice(split), []));
      for (const { oid: a, tree } of all) {
        expect(extended.has(a)).toBe(true);
        expect(extended.tree(a)).toBe(tree);
        for (const { oid: b } of all.filter((_, i) => i % 29 === 0)) {
          expect(extended.isAncestor(a, b)).toBe(whole.isAncestor(whole.indexOf(a), whole.indexOf(b)));
        }
      }
      expect(base.size).toBe(split);
      expect(extended.has(oid(9999))).toBe(false);
      expect(extended.tree(oid(9999))).toBeUndefined();
    }
  });

  test('takes commits that both have, and none at all', () => {
    const extended = new ExtendedGraph(whole, encodeSegment(all.slice(150), []));
    expect(extended.isAncestor(all[0]!.oid, all[199]!.oid)).toBe(whole.isAncestor(0, 199));
    const alone = new ExtendedGraph(whole);
    expect(alone.isAncestor(all[10]!.oid, all[190]!.oid)).toBe(whole.isAncestor(10, 190));
    expect(alone.tree(all[5]!.oid)).toBe(all[5]!.tree);
  });

  test('a parent that neither has reaches nothing', () => {
    const tip = { ...all[0]!, oid: oid(5000), parents: [oid(6000), all[20]!.oid] };
    const extended = new ExtendedGraph(whole, encodeSegment([tip], []));
    expect(extended.isAncestor(all[20]!.oid, tip.oid)).toBe(true);
    expect(extended.isAncestor(all[180]!.oid, tip.oid)).toBe(false);
    expect(extended.isAncestor(oid(6000), tip.oid)).toBe(false);
    expect(extended.isAncestor(tip.oid, all[180]!.oid)).toBe(false);
    expect(extended.isAncestor(tip.oid, tip.oid)).toBe(true);
    expect(extended.isAncestor(oid(6000), oid(6000))).toBe(false);
  });

  test('peels tags of the pack down to what the graph holds', () => {
    const [outer, inner] = [oid(7001), oid(7002)];
    const tagged = whole.withSegment(
      encodeSegment([], [{ oid: inner, target: all[3]!.oid, targetType: OBJECT_TYPES.commit }]),
    );
    const tag = { oid: outer, target: inner, targetType: OBJECT_TYPES.tag };
    const extended = new ExtendedGraph(tagged, encodeSegment([], [tag]));
    expect(extended.peel(outer)).toBe(all[3]!.oid);
    expect(extended.peel(all[4]!.oid)).toBe(all[4]!.oid);
    expect(extended.tag(outer)?.target).toBe(inner);
    expect(extended.tag(all[4]!.oid)).toBeUndefined();
  });
});
