import { expect, it } from 'vitest';
import { Random } from '../../../test/support/random.js';
import { createMemory } from '../collision/index.js';
import { checkObject } from '../objects/check.js';
import { encodeTree, treeEntries } from '../objects/tree.js';
import { oidAt } from '../oid.js';
import { loadEngine } from './engine-wasm.js';
import { KnownTrees, TREE_VERDICTS, treeTableBytes } from './known-trees.js';

const MAX_BYTES = 64 * 1024;
const TABLES_AT = 192 * 1024;
const [FIRST, SECOND] = [1024 * 1024, 1024 * 1024 + 2 * MAX_BYTES];

interface Row {
  mode: number;
  name: string;
  oid: string;
}

function reader() {
  const memory = createMemory(32);
  expect(TABLES_AT + treeTableBytes(MAX_BYTES)).toBeLessThan(FIRST);
  const trees = new KnownTrees(memory, loadEngine(memory), TABLES_AT, MAX_BYTES);
  let at = FIRST;
  let numbers = new Map<string, number>();
  return {
    forget() {
      trees.forget();
      numbers = new Map();
    },
    /** What is found out about a tree; only good ones are kept for the next. */
    check(data: Uint8Array) {
      at = at === FIRST ? SECOND : FIRST;
      // What lies behind a tree must not matter.
      new Uint8Array(memory.buffer).fill(0x2f, at, at + MAX_BYTES + 16).set(data, at);
      const verdict = trees.check(at, data.length);
      const looked: string[] = [];
      const folders: string[] = [];
      if (verdict === TREE_VERDICTS.malformed) {
        trees.forget();
        return { verdict, looked, folders, entries: 0, leaf: 0 };
      }
      trees.numberNew((idAt, isFolder) => {
        const oid = oidAt(trees.bytes, idAt);
        looked.push(`${isFolder} ${oid}`);
        return numbers.get(oid) ?? numbers.set(oid, numbers.size).size - 1;
      });
      trees.forEachFolder((number, size) => folders.push(`${number} ${size}`));
      const { entries, longestLeaf: leaf } = trees;
      if (verdict === TREE_VERDICTS.good) trees.keep();
      else trees.forget();
      return { verdict, looked, folders, entries, leaf };
    },
    number: (oid: string) => numbers.get(oid),
  };
}

const isFolder = ({ mode }: Row) => mode === 0o40000;

const ORDINARY = 'abcdefghijklmnop.-_0123456789'.split('');
const MODES = [0o100644, 0o100644, 0o100755, 0o40000, 0o40000, 0o120000, 0o160000];

function newRow(random: Random, names: readonly string[]): Row {
  const size = 1 + random.below(random.below(12) === 0 ? 60 : 6);
  const name = `${'xyz'[random.below(3)]}${Array.from({ length: size }, () => names[random.below(names.length)]).join('')}`;
  return { mode: MODES[random.below(MODES.length)]!, name, oid: random.bytes(20).toString('hex') };
}

function changed(random: Random, rows: readonly Row[], names: readonly string[]): Row[] {
  const next = [...rows];
  for (let i = random.below(4); i > 0; i--) {
    const at = random.below(next.length + 1);
    const row = newRow(random, names);
    const what = random.below(4);
    if (what === 0 && next[at] !== undefined) next.splice(at, 1);
    else if (what === 1 && next[at] !== undefined) next[at] = { ...next[at], oid: row.oid };
    else if (what === 2 && next[at] !== undefined) next[at] = { ...next[at], mode: row.mode };
    else if (!next.some(({ name }) => name === row.name)) next.push(row);
  }
  return next;
}

it('reads versions of a folder as the exact rules do, whatever changes between them', () => {
  const random = new Random(1);
  for (let round = 0; round < 60; round++) {
    const { check, number, forget } = reader();
    let rows: Row[] = [];
    for (let version = 0; version < 60; version++) {
      if (random.below(10) === 0) rows = [];
      if (random.below(15) === 0) forget();
      rows = changed(random, rows, ORDINARY);
      if (rows.length === 0 || random.below(8) === 0)
        for (let i = 0; i < 30; i++) rows = changed(random, rows, ORDINARY);
      const data = encodeTree(rows);
      const { verdict, looked, folders, entries, leaf } = check(data);
      expect(checkObject('tree', data)).toBeUndefined();
      expect(verdict).toBe(TREE_VERDICTS.good);
      const sorted = treeEntries(data);
      expect(entries).toBe(sorted.length);
      expect(leaf).toBe(Math.max(0, ...sorted.filter((row) => !isFolder(row)).map(({ name }) => name.length)));
      expect(folders).toEqual(sorted.filter(isFolder).map((row) => `${number(row.oid)} ${row.name.length}`));
      const all = new Set(sorted.map((row) => `${isFolder(row)} ${row.oid}`));
      for (const id of looked) expect(all).toContain(id);
      for (const row of sorted) if (row.mode !== 0o160000) expect(number(row.oid)).toBeDefined();
    }
  }
});

it('looks up only what is new', () => {
  const random = new Random(2);
  const { check } = reader();
  const rows: Row[] = [];
  for (let i = 0; i < 300; i++) rows.push({ ...newRow(random, ORDINARY), name: `file-${i}` });
  expect(check(encodeTree(rows)).looked.length).toBeGreaterThan(200);
  expect(check(encodeTree(rows)).looked).toEqual([]);
  const files = rows.filter(({ mode }) => mode === 0o100644);
  const later = rows.map((row) => (row === files[5] ? { ...row, oid: '7'.repeat(40) } : row));
  expect(check(encodeTree(later)).looked).toEqual([`false ${'7'.repeat(40)}`]);
});

it('finds nothing good that the exact rules refuse, however the bytes are changed', () => {
  const random = new Random(3);
  const odd = [...ORDINARY, '~', '\\', ':', 'git', '.git', 'é'];
  const verdicts = [0, 0, 0];
  const refused = [0, 0, 0];
  for (let round = 0; round < 80; round++) {
    const { check } = reader();
    let rows: Row[] = [];
    for (let version = 0; version < 80; version++) {
      rows = changed(random, rows, random.below(3) === 0 ? odd : ORDINARY);
      const data = Buffer.from(encodeTree(rows));
      for (let i = random.below(3); i > 0 && data.length > 0; i--) {
        const at = random.below(data.length);
        if (random.below(2) === 0) data[at] = random.below(256);
        else data.copy(data, at, random.below(data.length));
      }
      const cut = random.below(12) === 0 ? data.subarray(0, random.below(data.length + 1)) : data;
      let guarded = 0;
      const problem = checkObject('tree', cut, () => guarded++);
      const { verdict } = check(cut);
      verdicts[verdict]!++;
      if (problem !== undefined || guarded > 0) refused[verdict]!++;
    }
  }
  expect(refused[TREE_VERDICTS.good]).toBe(0);
  expect(refused[TREE_VERDICTS.malformed]).toBe(verdicts[TREE_VERDICTS.malformed]);
  for (const count of [...verdicts, refused[TREE_VERDICTS.odd]!]) expect(count).toBeGreaterThan(100);
});

it.each([
  ['a file and a folder of one name', ['f a', 'f a.c', 'd a']],
  ['with the folder far behind', ['f a', ...Array.from({ length: 200 }, (_, i) => `f a.${1000 + i}`), 'd a']],
  ['two files of one name', ['f a', 'f a']],
  ['entries out of order', ['f b', 'f a']],
  ['a folder before the file that it follows', ['d a', 'f a.c']],
])('leaves %s to the exact rules, in a first version or a later one', (_, lines) => {
  const entry = (line: string, oid: number) => {
    const [kind, name] = line.split(' ') as [string, string];
    return Buffer.concat([Buffer.from(`${kind === 'd' ? '40000' : '100644'} ${name}\0`), Buffer.alloc(20, oid)]);
  };
  const whole = lines.map((line, i) => entry(line, (i % 250) + 1));
  expect(checkObject('tree', Buffer.concat(whole))).toBeDefined();
  expect(reader().check(Buffer.concat(whole)).verdict).toBe(TREE_VERDICTS.odd);
  for (let missing = 0; missing < whole.length; missing++) {
    const { check } = reader();
    const before = Buffer.concat(whole.filter((_, i) => i !== missing));
    if (checkObject('tree', before) !== undefined) continue;
    expect(check(before).verdict).toBe(TREE_VERDICTS.good);
    expect(check(Buffer.concat(whole)).verdict).toBe(TREE_VERDICTS.odd);
  }
});
