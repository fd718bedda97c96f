/**
 * Histogram diff, which merges use: the longest run of common lines around the rarest line splits the text, and both
 * parts are treated the same way. Where every common line is frequent, Myers' algorithm takes over.
 */
import type { WorkMeter } from '../objects/source.js';
import { myersDiff } from './myers.js';

/** A line that occurs more often than this starts no run. */
const MAX_OCCURRENCES = 64;
const NONE = -1;

interface Region {
  fromA: number;
  toA: number;
  fromB: number;
  toB: number;
}

/**
 * Marks what changed between two lists of line numbers with 1 in `changedA` and `changedB`, which hold zeros.
 * @param idLimit larger than every line number
 */
export function histogramDiff(
  a: Int32Array,
  b: Int32Array,
  changedA: Uint8Array,
  changedB: Uint8Array,
  idLimit: number,
  meter: WorkMeter,
): void {
  const index = new Index(a, b, idLimit);
  const stack: Region[] = [{ fromA: 0, toA: a.length, fromB: 0, toB: b.length }];
  for (let region = stack.pop(); region !== undefined; region = stack.pop()) {
    const { fromA, toA, fromB, toB } = region;
    if (fromA >= toA || fromB >= toB) {
      changedA.fill(1, fromA, Math.max(fromA, toA));
      changedB.fill(1, fromB, Math.max(fromB, toB));
      continue;
    }
    meter.spend(toA - fromA + (toB - fromB));
    const run = index.bestRun(region, meter);
    if (run === 'too frequent') {
      const [partA, partB] = [changedA.subarray(fromA, toA), changedB.subarray(fromB, toB)];
      myersDiff(a.subarray(fromA, toA), b.subarray(fromB, toB), partA, partB, meter);
    } else if (run === undefined) {
      changedA.fill(1, fromA, toA);
      changedB.fill(1, fromB, toB);
    } else {
      stack.push({ fromA, toA: run.fromA, fromB, toB: run.fromB });
      stack.push({ fromA: run.toA, toA, fromB: run.toB, toB });
    }
  }
}

/** Where each line of a region of `a` occurs. Arrays are reused from region to region. */
class Index {
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  /** First occurrence and number of occurrences of a line number, valid when `#round` is the current one. */
  readonly #first: Int32Array;
  readonly #count: Uint32Array;
  readonly #round: Uint32Array;
  /** Next occurrence of the same line. */
  readonly #next: Int32Array;
  #now = 0;

  constructor(a: Int32Array, b: Int32Array, idLimit: number) {
    this.#a = a;
    this.#b = b;
    this.#first = new Int32Array(idLimit);
    this.#count = new Uint32Array(idLimit);
    this.#round = new Uint32Array(idLimit);
    this.#next = new Int32Array(a.length);
  }

  bestRun(region: Region, meter: WorkMeter): Region | 'too frequent' | undefined {
    this.#scan(region);
    const { fromA, toA, fromB, toB } = region;
    const [a, b] = [this.#a, this.#b];
    let best: Region | undefined;
    let bestLength = 1;
    let rarest = MAX_OCCURRENCES + 1;
    let common = false;
    for (let at = fromB; at < toB; ) {
      let next = at + 1;
      const id = b[at]!;
      const known = this.#round[id] === this.#now;
      if (known) common = true;
      if (!known || this.#count[id]! > rarest) {
        at = next;
        continue;
      }
      for (let occurrence = this.#first[id]!; occurrence !== NONE; ) {
        let [startA, startB, endA, endB] = [occurrence, at, occurrence + 1, at + 1];
        let rare = this.#count[id]!;
        while (startA > fromA && startB > fromB && a[startA - 1] === b[startB - 1]) {
          [startA, startB] = [startA - 1, startB - 1];
          if (rare > 1) rare = Math.min(rare, this.#count[a[startA]!]!);
        }
        while (endA < toA && endB < toB && a[endA] === b[endB]) {
          if (rare > 1) rare = Math.min(rare, this.#count[a[endA]!]!);
          [endA, endB] = [endA + 1, endB + 1];
        }
        meter.spend(endA - startA);
        next = Math.max(next, endB);
        if (endA - startA > bestLength || rare < rarest) {
          best = { fromA: startA, toA: endA, fromB: startB, toB: endB };
          bestLength = endA - startA;
          rarest = rare;
        }
        // Occurrences inside this run would only find it again.
        do occurrence = this.#next[occurrence]!;
        while (occurrence !== NONE && occurrence < endA);
      }
      at = next;
    }
    return common && rarest > MAX_OCCURRENCES ? 'too frequent' : best;
  }

  #scan({ fromA, toA }: Region): void {
    this.#now++;
    for (let i = toA - 1; i >= fromA; i--) {
      const id = this.#a[i]!;
      const known = this.#round[id] === this.#now;
      this.#next[i] = known ? this.#first[id]! : NONE;
      this.#count[id] = known ? this.#count[id]! + 1 : 1;
      this.#first[id] = i;
      this.#round[id] = this.#now;
    }
  }
}
