/**
 * Checks trees fast. Most trees of a pack are versions of one folder and agree in nearly all entries with the tree that
 * was checked before, so each is walked side by side with that one: entries that are found there are known to be good.
 *
 * Says only whether a tree is surely good. What looks odd in any way is left to the rules of objects/check-tree.ts,
 * whose findings are exact.
 */

/** A row of a table, one for each entry of a tree: start and end address, number of the named id, length and kind. */
const ROW: usize = 16;
const START: usize = 0;
const END: usize = 4;
const NUMBER: usize = 8;
const KIND: usize = 12;

/** In the fourth word, above 16 bits for the length of the name. */
const NAME_BITS: u32 = 0xffff;
const IS_FOLDER: u32 = 1 << 16;
const IS_GITLINK: u32 = 1 << 17;

const OID_BYTES: usize = 20;
const MAX_NAME_BYTES: usize = 4096;

/** Look-arounds for a file and a folder of one name, per entry: trees made of common prefixes are left to the exact rules. */
const LOOK_AROUNDS: i32 = 16;

/** What is known of a tree: good, for the exact rules to decide, or for them to refuse. */
const GOOD: i32 = 0;
const ODD: i32 = 1;
const MALFORMED: i32 = 2;

/** Results besides the table: rows that are new, rows of folders, and the longest name that is no folder's. */
let entryCount: i32 = 0;
let newCount: i32 = 0;
let folderCount: i32 = 0;
let longestLeaf: u32 = 0;

export function entries(): i32 {
  return entryCount;
}
export function news(): i32 {
  return newCount;
}
export function folders(): i32 {
  return folderCount;
}
export function leaf(): u32 {
  return longestLeaf;
}

@inline
function equal(a: usize, b: usize, size: usize): bool {
  // An entry has at least 24 bytes, so the last 16 may overlap the ones before.
  const last = size - 16;
  for (let i: usize = 0; i < last; i += 16) {
    if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) return false;
  }
  return !v128.any_true(v128.xor(v128.load(a + last), v128.load(b + last)));
}

@inline
function nameSize(row: usize): usize {
  return load<u32>(row + KIND) & NAME_BITS;
}

@inline
function nameAt(row: usize): usize {
  return <usize>load<u32>(row + END) - OID_BYTES - 1 - nameSize(row);
}

function commonPrefix(a: usize, b: usize, limit: usize): usize {
  let i: usize = 0;
  while (i + 16 <= limit) {
    const same = i8x16.bitmask(i8x16.eq(v128.load(a + i), v128.load(b + i)));
    if (same != 0xffff) return i + ctz(~same);
    i += 16;
  }
  while (i < limit && load<u8>(a + i) == load<u8>(b + i)) i++;
  return i;
}

/** Order of two rows as git sorts them: negative, zero or positive. Equal names of file and folder differ. */
function compare(one: usize, other: usize): i32 {
  const a = nameAt(one);
  const b = nameAt(other);
  const sizeA = nameSize(one);
  const sizeB = nameSize(other);
  const common = commonPrefix(a, b, min(sizeA, sizeB));
  const endA: i32 = load<u32>(one + KIND) & IS_FOLDER ? 0x2f : 0;
  const endB: i32 = load<u32>(other + KIND) & IS_FOLDER ? 0x2f : 0;
  const nextA: i32 = common < sizeA ? load<u8>(a + common) : endA;
  const nextB: i32 = common < sizeB ? load<u8>(b + common) : endB;
  return nextA - nextB;
}

/** Set by {@link parse} for an entry that needs a closer look. */
let oddEntry: bool = false;

/** Writes the row of the entry at `at`. @returns whether it is one */
function parse(at: usize, end: usize, row: usize): bool {
  const start = at;
  let mode: u32 = 0;
  while (at < end && load<u8>(at) != 0x20) {
    const digit: u32 = <u32>load<u8>(at) - 0x30;
    if (digit > 7) return false;
    mode = mode * 8 + digit;
    if (mode > 0xffff) return false;
    at++;
  }
  if (at == start || at >= end) return false;
  if (load<u8>(start) == 0x30) oddEntry = true;
  const name = ++at;
  const first = load<u8>(name);
  if (first == 0x2e || first == 0xe2 || first == 0xef) oddEntry = true;
  // A slash, a backslash or a tilde, or the end of the name, 16 bytes at a time: what lies behind the tree may be read.
  while (true) {
    const part = v128.load(at);
    const zero: i32 = i8x16.bitmask(i8x16.eq(part, i8x16.splat(0)));
    const marks: i32 = i8x16.bitmask(
      v128.or(
        i8x16.eq(part, i8x16.splat(0x2f)),
        v128.or(i8x16.eq(part, i8x16.splat(0x5c)), i8x16.eq(part, i8x16.splat(0x7e))),
      ),
    );
    if (zero != 0) {
      const size = ctz(zero);
      if (marks & ((1 << size) - 1)) oddEntry = true;
      at += size;
      break;
    }
    if (marks != 0) oddEntry = true;
    at += 16;
    if (at >= end) return false;
  }
  const size = at - name;
  const next = at + 1 + OID_BYTES;
  if (next > end) return false;
  if (size == 0 || size > MAX_NAME_BYTES) oddEntry = true;
  if (load<u8>(at + 1) == 0 && load<u64>(at + 1) == 0) oddEntry = true;
  const format = mode & 0xf000;
  const kind: u32 = format == 0x4000 ? IS_FOLDER : format == 0x8000 || format == 0xa000 ? 0 : IS_GITLINK;
  store<u32>(row + START, start);
  store<u32>(row + END, next);
  store<i32>(row + NUMBER, -1);
  store<u32>(row + KIND, <u32>min(size, NAME_BITS) | kind);
  return size <= NAME_BITS;
}

/**
 * Checks the tree of `size` bytes at `tree` and makes its table at `table`.
 * @param before table of a good tree
 * @param newRows gets the numbers of the rows that are not in `before`
 * @param folderRows gets the numbers of the rows of folders
 */
export function checkTree(
  tree: usize,
  size: usize,
  before: usize,
  beforeCount: i32,
  table: usize,
  newRows: usize,
  folderRows: usize,
): i32 {
  const end = tree + size;
  const beforeEnd = before + <usize>beforeCount * ROW;
  let other = before;
  let at = tree;
  let row = table;
  let result = GOOD;
  let known = false;
  entryCount = 0;
  newCount = 0;
  folderCount = 0;
  longestLeaf = 0;
  oddEntry = false;
  while (at < end) {
    const wasKnown = known;
    known = false;
    if (other < beforeEnd) {
      const start: usize = load<u32>(other + START);
      const length = <usize>load<u32>(other + END) - start;
      if (at + length <= end && equal(at, start, length)) {
        store<u32>(row + START, at);
        store<u32>(row + END, at + length);
        store<u64>(row + NUMBER, load<u64>(other + NUMBER));
        other += ROW;
        at += length;
        known = true;
      }
    }
    if (!known) {
      if (!parse(at, end, row)) return MALFORMED;
      at = load<u32>(row + END);
      store<i32>(newRows + (<usize>newCount << 2), entryCount);
      newCount++;
      while (other < beforeEnd) {
        const order = compare(other, row);
        if (order > 0) break;
        other += ROW;
        if (order == 0) break;
      }
    }
    // Two neighbours that are known follow each other in the other tree too.
    if (entryCount > 0 && !(known && wasKnown) && compare(row - ROW, row) >= 0) result = ODD;
    const kind = load<u32>(row + KIND);
    if (kind & IS_FOLDER) {
      store<i32>(folderRows + (<usize>folderCount << 2), entryCount);
      folderCount++;
    } else longestLeaf = max(longestLeaf, kind & NAME_BITS);
    entryCount++;
    row += ROW;
  }
  if (oddEntry) result = ODD;
  return result == GOOD && hasTwins(table, row, newRows) ? ODD : result;
}

/** Whether a new row and another one are a file and a folder of one name, or too many rows begin alike to tell. */
function hasTwins(table: usize, tableEnd: usize, newRows: usize): bool {
  let budget = LOOK_AROUNDS * entryCount;
  for (let i: i32 = 0; i < newCount; i++) {
    const row = table + <usize>load<i32>(newRows + (<usize>i << 2)) * ROW;
    const isFolder = (load<u32>(row + KIND) & IS_FOLDER) != 0;
    const size = nameSize(row);
    // Everything between a file and a folder of one name begins with that name.
    let other = isFolder ? row - ROW : row + ROW;
    while (other >= table && other < tableEnd) {
      const otherSize = nameSize(other);
      if (otherSize < size || commonPrefix(nameAt(other), nameAt(row), size) < size) break;
      if (otherSize == size || --budget < 0) return true;
      other = isFolder ? other - ROW : other + ROW;
    }
  }
  return false;
}
