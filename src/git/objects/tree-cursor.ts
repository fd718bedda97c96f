/** Steps through the entries of a tree, for walks over several trees side by side. */
import { asBuffer } from '../bytes.js';
import { OID_BYTES } from '../oid.js';
import { ObjectError } from './error.js';

const SPACE = 0x20;
const SLASH = 0x2f;
const ZERO = 0x30;
const MAX_MODE = 0xffff;
const FORMAT = 0o170000;
const FOLDER = 0o040000;
/** Bytes compared by one call: long enough to be worth it, short enough to look through one by one. */
const CHUNK = 256;

/** Begins before the first entry; nothing is allocated on the way. */
export class TreeCursor {
  mode = 0;
  /** The name is `data[nameStart..nameEnd)`, the id the 20 bytes at `oidAt`. */
  nameStart = 0;
  nameEnd = 0;
  oidAt = 0;
  #next = 0;

  constructor(readonly data: Uint8Array) {}

  get isTree(): boolean {
    return (this.mode & FORMAT) === FOLDER;
  }

  /** Goes to the next entry. @returns false at the end @throws ObjectError when it is malformed */
  next(): boolean {
    const { data } = this;
    let at = this.#next;
    if (at >= data.length) return false;
    const start = at;
    let mode = 0;
    for (; data[at] !== SPACE; at++) {
      const digit = data[at]! - ZERO;
      if (digit >= 0 && digit <= 7) mode = mode * 8 + digit;
      // No byte at all ends here too: comparing with undefined is never true.
      if (!(digit >= 0 && digit <= 7) || mode > MAX_MODE) throw new ObjectError('malformed mode in tree entry');
    }
    if (at === start) throw new ObjectError('malformed mode in tree entry');
    this.mode = mode;
    this.nameStart = ++at;
    while (at < data.length && data[at] !== 0) at++;
    this.nameEnd = at;
    this.oidAt = at + 1;
    this.#next = this.oidAt + OID_BYTES;
    if (this.#next > data.length) throw new ObjectError('truncated tree entry');
    return true;
  }

  /**
   * Order of the two entries in a tree: folders sort as if their names ended in a slash (git's base_name_compare).
   * @returns 0 for equal names of which both or none is a folder's
   */
  compare(other: TreeCursor): number {
    const length = this.nameEnd - this.nameStart;
    const otherLength = other.nameEnd - other.nameStart;
    const common = Math.min(length, otherLength);
    for (let i = 0; i < common; i++) {
      const order = this.data[this.nameStart + i]! - other.data[other.nameStart + i]!;
      if (order !== 0) return order;
    }
    return (
      (length > common ? this.data[this.nameStart + common]! : this.#end()) -
      (otherLength > common ? other.data[other.nameStart + common]! : other.#end())
    );
  }

  /** Whether both entries name the same object. */
  sameOid(other: TreeCursor): boolean {
    for (let i = 0; i < OID_BYTES; i++) if (this.data[this.oidAt + i] !== other.data[other.oidAt + i]) return false;
    return true;
  }

  /**
   * Passes over the entries that come next in both and are the same. Two versions of a tree share nearly all of them,
   * and comparing bytes without looking at them is several times faster than reading entries.
   */
  skipCommon(other: TreeCursor): void {
    const { data } = this;
    const end = this.#next + commonLength(data, this.#next, other.data, other.#next);
    let from = this.#next;
    for (let at = from; at < end; at++) {
      if (data[at] !== 0) continue;
      at += OID_BYTES;
      if (at < end) from = at + 1;
    }
    other.#next += from - this.#next;
    this.#next = from;
  }

  #end(): number {
    return this.isTree ? SLASH : 0;
  }
}

function commonLength(one: Uint8Array, oneAt: number, other: Uint8Array, otherAt: number): number {
  const most = Math.min(one.length - oneAt, other.length - otherAt);
  const [left, right] = [asBuffer(one), asBuffer(other)];
  let length = 0;
  while (length + CHUNK <= most) {
    const [at, to] = [oneAt + length, otherAt + length];
    if (left.compare(right, to, to + CHUNK, at, at + CHUNK) !== 0) break;
    length += CHUNK;
  }
  while (length < most && one[oneAt + length] === other[otherAt + length]) length++;
  return length;
}
