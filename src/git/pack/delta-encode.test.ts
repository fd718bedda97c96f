import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Random, seeded } from '../../../test/support/random-packs.js';
import { applyDelta } from './delta.js';
import { encodeDelta } from './delta-encode.js';

const made = (base: Uint8Array, result: Uint8Array) => encodeDelta(base, result, Number.POSITIVE_INFINITY)!;
const text = (lines: number, change = -1) =>
  Buffer.from(Array.from({ length: lines }, (_, i) => `line ${i}${i === change ? ' changed' : ''}\n`).join(''));

/** Pieces of the base, changed bytes and new ones. */
function edited(base: Uint8Array, random: Random): Buffer {
  const parts: Uint8Array[] = [];
  for (let i = random(12); i >= 0; i--) {
    const from = random(base.length + 1);
    parts.push(base.subarray(from, from + random(base.length + 1)));
    if (random(2) === 0) parts.push(Uint8Array.from({ length: random(300) }, () => random(4)));
  }
  return Buffer.concat(parts);
}

test.each([...Array(200).keys()])('random edit %i is what applying the delta makes', (seed) => {
  const random = seeded(seed);
  const alphabet = 1 + random(255);
  const base = Uint8Array.from({ length: random(seed % 10 === 0 ? 200_000 : 2_000) }, () => random(alphabet));
  const result = edited(base, random);
  expect(applyDelta(base, made(base, result)).equals(result)).toBe(true);
});

describe('length', () => {
  test('a changed line costs a few bytes', () => {
    expect(made(text(2_000), text(2_000, 700)).length).toBeLessThan(40);
  });

  test('what moved is copied', () => {
    const [one, two] = [randomBytes(5_000), randomBytes(7_000)];
    expect(made(Buffer.concat([one, two]), Buffer.concat([two, one])).length).toBeLessThan(40);
  });

  test('copies are cut at 64 KiB', () => {
    const base = randomBytes(200_000);
    const delta = made(base, base);
    expect(applyDelta(base, delta).equals(base)).toBe(true);
    expect(delta.length).toBeLessThan(50);
  });

  test('nothing comes of a delta that would be too long', () => {
    const [base, result] = [randomBytes(3_000), randomBytes(3_000)];
    expect(encodeDelta(base, result, 2_000)).toBeUndefined();
    expect(made(base, result).length).toBeGreaterThan(3_000);
  });

  test('nothing is made out of nothing', () => {
    const empty = new Uint8Array();
    expect(applyDelta(empty, made(empty, Buffer.from('abc'))).toString()).toBe('abc');
    expect(applyDelta(text(9), made(text(9), empty))).toHaveLength(0);
    expect(applyDelta(empty, made(empty, empty))).toHaveLength(0);
  });
});

test('a base of equal blocks', () => {
  const base = new Uint8Array(400_000);
  const result = Buffer.concat([Buffer.from('x'), base, Buffer.from('y'), base.subarray(0, 100_000)]);
  expect(applyDelta(base, made(base, result)).equals(result)).toBe(true);
});
