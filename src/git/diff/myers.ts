/**
 * Myers' difference algorithm, linear in space ("An O(ND) Difference Algorithm and Its Variations", 1986), with the
 * preparation that git's default diff does: common ends are cut off, and lines without a useful partner are taken out.
 */
import type { WorkMeter } from '../objects/source.js';
import { type Box, MiddleFinder } from './myers-middle.js';
import { usefulLines } from './myers-useful.js';

/**
 * Marks what changed between two lists of line numbers with 1 in `changedA` and `changedB`, which hold zeros.
 */
export function myersDiff(
  a: Int32Array,
  b: Int32Array,
  changedA: Uint8Array,
  changedB: Uint8Array,
  meter: WorkMeter,
): void {
  meter.spend(a.length + b.length);
  const common = Math.min(a.length, b.length);
  let start = 0;
  while (start < common && a[start] === b[start]) start++;
  let tail = 0;
  while (tail < common - start && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;

  const left = usefulLines(a, b, start, a.length - tail, changedA);
  const right = usefulLines(b, a, start, b.length - tail, changedB);
  const [x, y] = [left.map((line) => a[line]!), right.map((line) => b[line]!)];
  const finder = new MiddleFinder(x, y, meter);
  const stack: Box[] = [{ fromA: 0, toA: x.length, fromB: 0, toB: y.length, minimal: false }];
  for (let box = stack.pop(); box !== undefined; box = stack.pop()) {
    let { fromA, toA, fromB, toB } = box;
    while (fromA < toA && fromB < toB && x[fromA] === y[fromB]) [fromA, fromB] = [fromA + 1, fromB + 1];
    while (fromA < toA && fromB < toB && x[toA - 1] === y[toB - 1]) [toA, toB] = [toA - 1, toB - 1];
    if (fromA === toA) for (; fromB < toB; fromB++) changedB[right[fromB]!] = 1;
    else if (fromB === toB) for (; fromA < toA; fromA++) changedA[left[fromA]!] = 1;
    else {
      const middle = finder.find({ fromA, toA, fromB, toB, minimal: box.minimal });
      stack.push({ fromA: middle.a, toA, fromB: middle.b, toB, minimal: middle.minimalAfter });
      stack.push({ fromA, toA: middle.a, fromB, toB: middle.b, minimal: middle.minimalBefore });
    }
  }
}
