import { expect, it } from 'vitest';
import { DeltaStore } from './delta-store.js';
import { DELTA_CACHE_BYTES } from './limits.js';

it('gives back what it copied, once', () => {
  const store = new DeltaStore(8);
  const shared = Buffer.alloc(700_000);
  for (let entry = 0; entry < 5; entry++) store.keep(entry, shared.fill(entry + 1));
  shared.fill(0);
  for (let entry = 4; entry >= 0; entry--) {
    expect(store.take(entry)?.equals(Buffer.alloc(700_000, entry + 1))).toBe(true);
    expect(store.take(entry)).toBeUndefined();
  }
  store.keep(7, Buffer.alloc(0));
  expect(store.take(7)?.length).toBe(0);
});

it('keeps no more than it has room for', () => {
  const store = new DeltaStore(8);
  const large = Buffer.alloc(DELTA_CACHE_BYTES - 10);
  store.keep(1, large);
  store.keep(2, Buffer.alloc(11));
  store.keep(3, Buffer.alloc(10));
  expect(store.take(1)?.length).toBe(large.length);
  expect(store.take(2)).toBeUndefined();
  expect(store.take(3)?.length).toBe(10);
  store.keep(4, Buffer.alloc(0));
  store.clear();
  expect(store.take(4)).toBeUndefined();
});
