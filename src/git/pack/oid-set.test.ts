import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { OidSet } from './oid-set.js';

const oid = (number: number) => createHash('sha1').update(String(number)).digest();

test('numbers ids as a Map would, through several growths', () => {
  const set = new OidSet();
  const map = new Map<string, number>();
  const wrong: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    const id = oid((i * 7919) % 9_001);
    const key = id.toString('hex');
    if (!map.has(key)) map.set(key, map.size);
    if (set.add(Buffer.concat([Buffer.alloc(3), id]), 3) !== map.get(key)) wrong.push(key);
  }
  expect(wrong).toEqual([]);
  expect(set.count).toBe(9_001);
  expect(set.find(oid(-1), 0)).toBe(-1);
  expect(Buffer.from(set.ids).toString('hex')).toBe([...map.keys()].join(''));
});

test('ids that share their first bytes are told apart, the zero id among them', () => {
  const set = new OidSet();
  const ids = Array.from({ length: 300 }, (_, i) =>
    Buffer.concat([Buffer.alloc(16), Buffer.of(0, 0, i >> 8, i & 255)]),
  );
  expect(ids.map((id) => set.add(id, 0))).toEqual(ids.map((_, i) => i));
  expect(ids.map((id) => set.find(id, 0))).toEqual(ids.map((_, i) => i));
});
