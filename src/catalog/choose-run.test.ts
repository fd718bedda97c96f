import { describe, expect, it } from 'vitest';
import { chooseRun, type MergeCandidate, type Pause } from './choose-run.js';

const MiB = 1024 * 1024;
const pack = (bytes: number, mergeable = true): MergeCandidate => ({ bytes, objects: 3, mergeable });
const packs = (...bytes: number[]) => bytes.map((each) => pack(each));
const small = (count: number) => Array.from({ length: count }, () => pack(1000));

/** Merges until nothing is left to do. @returns bytes written */
function settle(list: MergeCandidate[], pause: Pause): number {
  let written = 0;
  for (let run = chooseRun(list, pause); run !== undefined; run = chooseRun(list, pause)) {
    const taken = list.slice(run.from, run.to);
    const bytes = taken.reduce((sum, each) => sum + each.bytes, 0);
    written += bytes;
    list.splice(run.from, taken.length, { bytes, objects: 3, mergeable: true });
  }
  return written;
}

describe('chooseRun', () => {
  it.each<[string, MergeCandidate[], Pause, { from: number; to: number } | undefined]>([
    ['nothing', [], 'long', undefined],
    ['one pack', small(1), 'long', undefined],
    ['few packs while pushes come', small(7), 'none', undefined],
    ['enough packs', small(8), 'none', { from: 0, to: 8 }],
    ['two packs when pushes pause', small(2), 'long', { from: 0, to: 2 }],
    ['a large old pack and little news', [...packs(500 * MiB), ...small(8)], 'none', { from: 1, to: 9 }],
    ['the same when pushes pause', [...packs(500 * MiB), ...small(2)], 'long', { from: 1, to: 3 }],
    ['a small repository when pushes pause', packs(60 * MiB, 1000), 'long', { from: 0, to: 2 }],
    ['a very small one in a short pause', packs(MiB / 2, 1000), 'short', { from: 0, to: 2 }],
    ['a larger one in a short pause', packs(3 * MiB, 1000), 'short', undefined],
    ['its news in a short pause', packs(3 * MiB, 1000, 1000), 'short', undefined],
    ['its news in a short pause, when there are enough', [...packs(3 * MiB), ...small(8)], 'short', { from: 1, to: 9 }],
    ['a small one beside a pack that stays, in a short pause', [pack(1000, false), ...small(2)], 'short', undefined],
    ['a large pack alone beside small ones', packs(500 * MiB, 1000), 'long', undefined],
    ['a run broken by a pack that stays', [...small(3), pack(1000, false), ...small(3)], 'long', { from: 4, to: 7 }],
    ['what lies before it', [...small(3), pack(1000, false), ...small(1)], 'long', { from: 0, to: 3 }],
    ['packs too large to be merged', packs(3000 * MiB, 3000 * MiB, 3000 * MiB), 'long', undefined],
    ['packs that would become too large', packs(2000 * MiB, 2000 * MiB, 2000 * MiB), 'long', { from: 1, to: 3 }],
  ])('%s', (_, list, pause, expected) => {
    expect(chooseRun(list, pause)).toEqual(expected);
  });

  it('keeps few packs and writes each byte few times while 5,000 equal pushes come', () => {
    const list: MergeCandidate[] = [];
    let written = 0;
    let most = 0;
    for (let i = 0; i < 5000; i++) {
      list.push(pack(20_000));
      written += settle(list, 'none');
      most = Math.max(most, list.length);
    }
    expect(most).toBeLessThan(24);
    expect(written / (5000 * 20_000)).toBeLessThan(12);
    settle(list, 'long');
    expect(list.length).toBeLessThan(3);
  });

  it('works off a backlog without opening too many packs or rewriting the merged ones each time', () => {
    const list = Array.from({ length: 5000 }, () => pack(20_000));
    const first = chooseRun(list, 'long')!;
    expect(first.to - first.from).toBe(100);
    expect(settle(list, 'long') / (5000 * 20_000)).toBeLessThan(3);
    expect(list.length).toBeLessThan(3);
  });
});
