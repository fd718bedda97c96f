/**
 * Index, sidecar and entry order of one stored pack. An index is ordered by id; where an entry ends, and which object
 * begins at an offset, needs the order of the entries in the file.
 */
import type { IdxReader } from './idx-reader.js';
import type { MetaReader } from './meta.js';

const TRAILER = 20;

export class PackTable {
  readonly count: number;
  /** Bytes of memory held, for caches that count. */
  readonly weight: number;
  /** Entry offsets, ascending. */
  readonly #offsets: Float64Array;
  /** Index position of each entry in file order. */
  readonly #positions: Uint32Array;
  /** Place in file order of each index position. */
  readonly #ranks: Uint32Array;

  /** @param packBytes size of the pack file */
  constructor(
    readonly idx: IdxReader,
    readonly meta: MetaReader,
    readonly packBytes: number,
  ) {
    this.count = idx.count;
    this.#positions = fileOrder(idx, packBytes);
    this.#offsets = Float64Array.from(this.#positions, (position) => idx.offset(position));
    this.#ranks = new Uint32Array(this.count);
    for (let rank = 0; rank < this.count; rank++) this.#ranks[this.#positions[rank]!] = rank;
    this.weight = idx.bytes.length + meta.bytes.length + this.count * 16;
  }

  /** Index position of the `rank`-th entry of the file. */
  positionOfRank(rank: number): number {
    return this.#positions[rank]!;
  }

  /** Place in the file of the entry at an index position. */
  rank(position: number): number {
    return this.#ranks[position]!;
  }

  offset(position: number): number {
    return this.#offsets[this.#ranks[position]!]!;
  }

  /** Where the entry's bytes end. */
  end(position: number): number {
    return this.#offsets[this.#ranks[position]! + 1] ?? this.packBytes - TRAILER;
  }

  /** Index position of the entry that begins at `offset`, or -1. */
  positionAt(offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return this.#offsets[low] === offset ? this.#positions[low]! : -1;
  }

  /** CRC-32 of the entry's bytes as the index records it. */
  crc(position: number): number {
    const { bytes } = this.idx;
    const at = this.idx.oidOffset(this.count) + position * 4;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }
}

function fileOrder(idx: IdxReader, packBytes: number): Uint32Array {
  const { count } = idx;
  if (packBytes * count < Number.MAX_SAFE_INTEGER) {
    // Offset and position in one number: the typed array's own sort is several times faster than a comparator.
    const keys = new Float64Array(count);
    for (let position = 0; position < count; position++) keys[position] = idx.offset(position) * count + position;
    return Uint32Array.from(keys.sort(), (key) => key % count);
  }
  const positions = Uint32Array.from({ length: count }, (_, position) => position);
  return positions.sort((left, right) => idx.offset(left) - idx.offset(right));
}
