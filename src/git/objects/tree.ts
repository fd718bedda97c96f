/** Tree objects: entries of octal mode, space, name, NUL, 20 id bytes, in git's path order. */
import { asBuffer } from '../bytes.js';
import { isTree } from '../mode.js';
import { isOid, OID_BYTES, type Oid, oidAt } from '../oid.js';
import { ObjectError } from './error.js';

const SPACE = 0x20;
const ZERO = 0x30;
/** No mode is longer than 16 bits; more digits would only wrap around. */
const MAX_MODE = 0xffff;

export interface TreeEntry {
  mode: number;
  /** Decoded for people; names need not be UTF-8, compare `bytes`. */
  name: string;
  bytes: Buffer;
  oid: Oid;
}

/**
 * Calls `visit` for each entry, allocating nothing: the name is `data[nameStart..nameEnd)`, the id the 20 bytes at
 * `oidAt`. @throws ObjectError at the first malformed entry
 */
export function forEachTreeEntry(
  data: Uint8Array,
  visit: (mode: number, nameStart: number, nameEnd: number, oidAt: number) => void,
): void {
  let at = 0;
  while (at < data.length) {
    let mode = 0;
    const start = at;
    for (; data[at] !== SPACE; at++) {
      const digit = data[at]! - ZERO;
      if (!(digit >= 0 && digit <= 7)) throw new ObjectError('malformed mode in tree entry');
      mode = mode * 8 + digit;
      if (mode > MAX_MODE) throw new ObjectError('malformed mode in tree entry');
    }
    if (at === start) throw new ObjectError('malformed mode in tree entry');
    const nameStart = ++at;
    while (at < data.length && data[at] !== 0) at++;
    if (at + OID_BYTES >= data.length) throw new ObjectError('truncated tree entry');
    visit(mode, nameStart, at, at + 1);
    at += 1 + OID_BYTES;
  }
}

/** All entries of a tree. @throws ObjectError */
export function treeEntries(data: Uint8Array): TreeEntry[] {
  const buffer = asBuffer(data);
  const entries: TreeEntry[] = [];
  forEachTreeEntry(data, (mode, nameStart, nameEnd, at) => {
    const bytes = buffer.subarray(nameStart, nameEnd);
    entries.push({ mode, name: bytes.toString('utf8'), bytes, oid: oidAt(data, at) });
  });
  return entries;
}

/** Names in git's order compare as if directories ended in a slash. */
function compareNames(a: Buffer, aIsTree: boolean, b: Buffer, bIsTree: boolean): number {
  const common = Math.min(a.length, b.length);
  const order = a.compare(b, 0, common, 0, common);
  if (order !== 0) return order;
  const next = (name: Buffer, tree: boolean) => name[common] ?? (tree ? 0x2f : 0);
  return next(a, aIsTree) - next(b, bIsTree);
}

/**
 * The bytes of a tree; entries may come in any order.
 * @throws ObjectError for names that are empty, repeated or contain a slash or NUL
 */
export function encodeTree(entries: readonly { mode: number; name: string | Uint8Array; oid: Oid }[]): Buffer {
  const seen = new Set<string>();
  const rows = entries.map(({ mode, name, oid }) => {
    const bytes = typeof name === 'string' ? Buffer.from(name, 'utf8') : asBuffer(name);
    const key = bytes.toString('latin1');
    if (key === '' || /[/\0]/.test(key)) throw new ObjectError('a tree entry has a forbidden name');
    if (seen.has(key)) throw new ObjectError('a tree has two entries of one name');
    if (!isOid(oid)) throw new ObjectError('an object id is not 40 hex digits');
    seen.add(key);
    return { mode, bytes, oid };
  });
  rows.sort((a, b) => compareNames(a.bytes, isTree(a.mode), b.bytes, isTree(b.mode)));
  const parts = rows.flatMap(({ mode, bytes, oid }) => [
    Buffer.from(`${mode.toString(8)} `, 'latin1'),
    bytes,
    Buffer.of(0),
    Buffer.from(oid, 'hex'),
  ]);
  return Buffer.concat(parts);
}
