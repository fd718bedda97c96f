import { describe, expect, test } from 'vitest';
import { Random } from '../../../test/support/random.js';
import { MODES } from '../mode.js';
import { encodeTree, treeEntries } from './tree.js';
import { TreeCursor } from './tree-cursor.js';

const oid = (n: number) => n.toString(16).padStart(40, '0');
const file = (name: string, n: number) => ({ mode: MODES.file, name, oid: oid(n) });

function names(data: Uint8Array): string[] {
  const cursor = new TreeCursor(data);
  const found: string[] = [];
  while (cursor.next()) found.push(Buffer.from(data.subarray(cursor.nameStart, cursor.nameEnd)).toString());
  return found;
}

describe('TreeCursor', () => {
  test('names the entries that the codec names', () => {
    const random = new Random(5);
    for (let round = 0; round < 50; round++) {
      const count = random.below(40);
      const entries = Array.from({ length: count }, (_, i) => ({
        mode: random.pick([MODES.file, MODES.tree, MODES.gitlink, MODES.symlink]),
        name: `${random.pick(['a', 'b/'.slice(0, 1), 'é'])}${i}`,
        oid: oid(random.below(1e9)),
      }));
      const data = encodeTree(entries);
      const cursor = new TreeCursor(data);
      for (const { mode, bytes, oid: id } of treeEntries(data)) {
        expect(cursor.next()).toBe(true);
        expect(cursor.mode).toBe(mode);
        expect(Buffer.from(data.subarray(cursor.nameStart, cursor.nameEnd))).toEqual(bytes);
        expect(Buffer.from(data.subarray(cursor.oidAt, cursor.oidAt + 20)).toString('hex')).toBe(id);
      }
      expect(cursor.next()).toBe(false);
    }
  });

  test('compares as trees are ordered: a folder as if its name ended in a slash', () => {
    const data = encodeTree([
      { mode: MODES.tree, name: 'a', oid: oid(1) },
      file('a.b', 2),
      file('a0', 3),
      file('ab', 4),
      { mode: MODES.tree, name: 'b', oid: oid(5) },
    ]);
    expect(names(data)).toEqual(['a.b', 'a', 'a0', 'ab', 'b']);
    const [left, right] = [new TreeCursor(data), new TreeCursor(data)];
    right.next();
    while (left.next() && right.next()) {
      expect(left.compare(right)).toBeLessThan(0);
      expect(right.compare(left)).toBeGreaterThan(0);
    }
    const [folder, plain] = [
      new TreeCursor(encodeTree([{ mode: MODES.tree, name: 'a', oid: oid(1) }])),
      new TreeCursor(encodeTree([file('a', 1)])),
    ];
    folder.next();
    plain.next();
    expect(folder.compare(plain)).toBeGreaterThan(0);
    expect(folder.sameOid(plain)).toBe(true);
  });

  test('passes over what two trees share, up to the first entry that differs', () => {
    const random = new Random(9);
    for (let round = 0; round < 200; round++) {
      const count = 1 + random.below(60);
      const entries = Array.from({ length: count }, (_, i) => file(`file-${i + 100}`, random.below(1e12)));
      const at = random.below(count);
      const changed = entries.map((entry, i) => (i === at ? { ...entry, oid: oid(2e12 + round) } : entry));
      const [left, right] = [new TreeCursor(encodeTree(entries)), new TreeCursor(encodeTree(changed))];
      left.skipCommon(right);
      expect([left.next(), right.next()]).toEqual([true, true]);
      expect(names(left.data).indexOf(`file-${at + 100}`)).toBe(at);
      expect(Buffer.from(left.data.subarray(left.nameStart, left.nameEnd)).toString()).toBe(`file-${at + 100}`);
      expect([left.compare(right), left.sameOid(right)]).toEqual([0, false]);
      left.skipCommon(right);
      expect([left.next(), right.next()]).toEqual([false, false]);
    }
  });

  test('is not misled by what looks like an entry inside of an id', () => {
    const zeros = [file('a', 0), file('b', 0), file('c', 1)];
    const [left, right] = [new TreeCursor(encodeTree(zeros)), new TreeCursor(encodeTree([...zeros.slice(0, 2)]))];
    left.skipCommon(right);
    expect([right.next(), left.next()]).toEqual([false, true]);
    expect(Buffer.from(left.data.subarray(left.nameStart, left.nameEnd)).toString()).toBe('c');
  });

  test.each([
    ['no mode', ' a\0aaaaaaaaaaaaaaaaaaaa'],
    ['letters', '10x644 a\0aaaaaaaaaaaaaaaaaaaa'],
    ['a mode too large', '7777777 a\0aaaaaaaaaaaaaaaaaaaa'],
    ['an end in the mode', '1006'],
    ['an end in the name', '100644 abc'],
    ['an end in the id', '100644 a\0aaaaaaaaaaaaaaaaaaa'],
  ])('refuses %s', (_, text) => {
    const cursor = new TreeCursor(Buffer.from(text, 'latin1'));
    expect(() => cursor.next()).toThrow(/tree entry/);
  });
});
