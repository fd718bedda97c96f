import { expect, it } from 'vitest';
import { BufferPool } from './buffer-pool.js';

it('gives out the memory that came back, for any size that fits in it', () => {
  const pool = new BufferPool();
  const first = pool.take(5000);
  expect(first.length).toBe(5000);
  const other = pool.take(5000);
  expect(other.buffer).not.toBe(first.buffer);
  pool.give(first);
  expect(pool.take(4097).buffer).toBe(first.buffer);
  expect(pool.take(4096).buffer).not.toBe(first.buffer);
});

it('takes nothing back twice and nothing that is not its own', () => {
  const pool = new BufferPool();
  const own = pool.take(3000);
  pool.give(own);
  pool.give(own);
  expect(pool.take(3000).buffer).toBe(own.buffer);
  expect(pool.take(3000).buffer).not.toBe(own.buffer);
  const foreign = Buffer.from(new ArrayBuffer(4096));
  pool.give(foreign);
  expect(pool.take(3000).buffer).not.toBe(foreign.buffer);
});

it('has every size, and keeps only so much', () => {
  const pool = new BufferPool();
  for (const size of [0, 1, 2047, 2048, 2049, 1 << 20, (1 << 20) + 1]) expect(pool.take(size).length).toBe(size);
  const many = Array.from({ length: 40 }, () => pool.take(1 << 20));
  for (const buffer of many) pool.give(buffer);
  const again = new Set(Array.from({ length: 40 }, () => pool.take(1 << 20).buffer));
  expect(many.filter(({ buffer }) => again.has(buffer)).length).toBe(4);
});
