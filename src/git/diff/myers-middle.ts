/**
 * Finds the point where the shortest edit path of a box crosses its middle, walking diagonals from both corners at
 * once. Where the exact answer would cost too much it takes a promising point instead, by the rules of git's diff.
 */
import type { WorkMeter } from '../objects/source.js';
import { roughSquareRoot } from './myers-useful.js';

/** A part of the edit grid; `minimal` forbids the short cuts. */
export interface Box {
  fromA: number;
  toA: number;
  fromB: number;
  toB: number;
  minimal: boolean;
}

export interface Middle {
  a: number;
  b: number;
  /** Whether the halves before and after the point are to be searched without short cuts. */
  minimalBefore: boolean;
  minimalAfter: boolean;
}

/** Matching lines in a row that make a diagonal worth trusting. */
const SNAKE = 20;
/** Edits after which good diagonals are looked for. */
const HEURISTIC_COST = 256;
/** How far ahead of the edits done a diagonal must be to count as good. */
const HEURISTIC_FACTOR = 4;
/** Least bound on the edits searched exactly. */
const MIN_MAX_COST = 256;
const FAR = 0x7fffffff;

export class MiddleFinder {
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  readonly #meter: WorkMeter;
  /** Furthest position in `a` on each diagonal, forward and backward; diagonal d lies at d + #zero. */
  readonly #forward: Int32Array;
  readonly #backward: Int32Array;
  readonly #zero: number;
  readonly #maxCost: number;

  constructor(a: Int32Array, b: Int32Array, meter: WorkMeter) {
    const diagonals = a.length + b.length + 3;
    this.#a = a;
    this.#b = b;
    this.#meter = meter;
    this.#forward = new Int32Array(diagonals + 2);
    this.#backward = new Int32Array(diagonals + 2);
    this.#zero = b.length + 1;
    this.#maxCost = Math.max(roughSquareRoot(diagonals), MIN_MAX_COST);
  }

  /** @param box not empty on either side */
  find(box: Box): Middle {
    const { fromA, toA, fromB, toB } = box;
    const [a, b, zero] = [this.#a, this.#b, this.#zero];
    const [forward, backward] = [this.#forward, this.#backward];
    const [least, most] = [fromA - toB, toA - fromB];
    const [forwardMid, backwardMid] = [fromA - fromB, toA - toB];
    const odd = ((forwardMid - backwardMid) & 1) !== 0;
    const range = { fMin: forwardMid, fMax: forwardMid, bMin: backwardMid, bMax: backwardMid };
    forward[zero + forwardMid] = fromA;
    backward[zero + backwardMid] = toA;

    for (let cost = 1; ; cost++) {
      this.#meter.spend(2 + range.fMax - range.fMin);
      let snake = false;
      // Beyond the box the range shrinks instead, so that its parity alternates and every second diagonal is due.
      if (range.fMin > least) forward[zero + --range.fMin - 1] = -1;
      else range.fMin++;
      if (range.fMax < most) forward[zero + ++range.fMax + 1] = -1;
      else range.fMax--;
      for (let d = range.fMax; d >= range.fMin; d -= 2) {
        const [below, above] = [forward[zero + d - 1]!, forward[zero + d + 1]!];
        let i = below >= above ? below + 1 : above;
        const start = i;
        for (let j = i - d; i < toA && j < toB && a[i] === b[j]; j++) i++;
        if (i - start > SNAKE) snake = true;
        forward[zero + d] = i;
        if (odd && range.bMin <= d && d <= range.bMax && backward[zero + d]! <= i) return exact(i, d);
      }

      if (range.bMin > least) backward[zero + --range.bMin - 1] = FAR;
      else range.bMin++;
      if (range.bMax < most) backward[zero + ++range.bMax + 1] = FAR;
      else range.bMax--;
      for (let d = range.bMax; d >= range.bMin; d -= 2) {
        const [below, above] = [backward[zero + d - 1]!, backward[zero + d + 1]!];
        let i = below < above ? below : above - 1;
        const start = i;
        for (let j = i - d; i > fromA && j > fromB && a[i - 1] === b[j - 1]; j--) i--;
        if (start - i > SNAKE) snake = true;
        backward[zero + d] = i;
        if (!odd && range.fMin <= d && d <= range.fMax && i <= forward[zero + d]!) return exact(i, d);
      }

      if (box.minimal) continue;
      if (snake && cost > HEURISTIC_COST) {
        const good = this.#goodForward(box, range, cost) ?? this.#goodBackward(box, range, cost);
        if (good !== undefined) return good;
      }
      if (cost >= this.#maxCost) return this.#furthest(box, range);
    }
  }

  #goodForward(box: Box, { fMin, fMax }: Range, cost: number): Middle | undefined {
    const { fromA, toA, fromB, toB } = box;
    let best = 0;
    let found: Middle | undefined;
    for (let d = fMax; d >= fMin; d -= 2) {
      const i = this.#forward[this.#zero + d]!;
      const j = i - d;
      const value = i - fromA + (j - fromB) - Math.abs(d - (fromA - fromB));
      if (value <= HEURISTIC_FACTOR * cost || value <= best) continue;
      if (i < fromA + SNAKE || i >= toA || j < fromB + SNAKE || j >= toB) continue;
      if (!this.#matches(i - SNAKE, j - SNAKE)) continue;
      best = value;
      found = { a: i, b: j, minimalBefore: true, minimalAfter: false };
    }
    return found;
  }

  #goodBackward(box: Box, { bMin, bMax }: Range, cost: number): Middle | undefined {
    const { fromA, toA, fromB, toB } = box;
    let best = 0;
    let found: Middle | undefined;
    for (let d = bMax; d >= bMin; d -= 2) {
      const i = this.#backward[this.#zero + d]!;
      const j = i - d;
      const value = toA - i + (toB - j) - Math.abs(d - (toA - toB));
      if (value <= HEURISTIC_FACTOR * cost || value <= best) continue;
      if (i <= fromA || i > toA - SNAKE || j <= fromB || j > toB - SNAKE) continue;
      if (!this.#matches(i, j)) continue;
      best = value;
      found = { a: i, b: j, minimalBefore: false, minimalAfter: true };
    }
    return found;
  }

  /** True when a whole snake starts at this point. */
  #matches(i: number, j: number): boolean {
    for (let k = 0; k < SNAKE; k++) if (this.#a[i + k] !== this.#b[j + k]) return false;
    return true;
  }

  /** Gives up exactness: the point furthest from its corner, whichever corner that is. */
  #furthest({ fromA, toA, fromB, toB }: Box, { fMin, fMax, bMin, bMax }: Range): Middle {
    let [forwardSum, forwardA] = [-1, -1];
    for (let d = fMax; d >= fMin; d -= 2) {
      const reached = Math.min(this.#forward[this.#zero + d]!, toA);
      const i = toB < reached - d ? toB + d : reached;
      const j = Math.min(reached - d, toB);
      if (forwardSum < i + j) [forwardSum, forwardA] = [i + j, i];
    }
    let [backwardSum, backwardA] = [FAR, FAR];
    for (let d = bMax; d >= bMin; d -= 2) {
      const reached = Math.max(fromA, this.#backward[this.#zero + d]!);
      const i = reached - d < fromB ? fromB + d : reached;
      const j = Math.max(reached - d, fromB);
      if (i + j < backwardSum) [backwardSum, backwardA] = [i + j, i];
    }
    if (toA + toB - backwardSum < forwardSum - (fromA + fromB)) {
      return { a: forwardA, b: forwardSum - forwardA, minimalBefore: true, minimalAfter: false };
    }
    return { a: backwardA, b: backwardSum - backwardA, minimalBefore: false, minimalAfter: true };
  }
}

interface Range {
  fMin: number;
  fMax: number;
  bMin: number;
  bMax: number;
}

function exact(i: number, diagonal: number): Middle {
  return { a: i, b: i - diagonal, minimalBefore: true, minimalAfter: true };
}
