/**
 * How much of one file is in another, by git's estimate: content is cut into pieces at line feeds or after 64 bytes,
 * and the bytes of pieces that both files have are counted, wherever they stand.
 */
import type { ObjectSource, WorkMeter } from '../objects/source.js';
import type { Oid } from '../oid.js';
import { MAX_TEXT_BYTES } from './limits.js';
import { blobSize, type FileEntry, isBinary, isRegular, readBlob } from './store.js';

/** The score of equal content. */
export const MAX_SCORE = 60_000;

const PIECE = 64;
/** Number of different piece hashes; a prime. */
const HASHES = 107_927;
const CR = 0x0d;
const LF = 0x0a;
/** Fingerprints kept, counted in pieces: 64 MiB. */
const MAX_CACHED_PIECES = 8 * 1024 * 1024;

/** Bytes by piece hash, ascending. */
interface Fingerprint {
  hashes: Int32Array;
  bytes: Int32Array;
}

export class Similarity {
  readonly #source: ObjectSource;
  readonly #meter: WorkMeter;
  readonly #known = new Map<Oid, Fingerprint>();
  #cached = 0;
  readonly #sums = new Int32Array(HASHES);

  constructor(source: ObjectSource, meter: WorkMeter) {
    this.#source = source;
    this.#meter = meter;
  }

  /** From 0 to MAX_SCORE; 0 as well for pairs that cannot reach `minimum` or are not both regular files. */
  score(from: FileEntry, to: FileEntry, minimum: number): number {
    if (!isRegular(from.mode) || !isRegular(to.mode)) return 0;
    const sizes = [blobSize(this.#source, from.oid), blobSize(this.#source, to.oid)] as const;
    const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
    if (most > MAX_TEXT_BYTES || most === 0) return 0;
    if (most * (MAX_SCORE - minimum) < (most - least) * MAX_SCORE) return 0;
    const [a, b] = [this.#fingerprint(from.oid), this.#fingerprint(to.oid)];
    this.#meter.spend(1 + ((a.hashes.length + b.hashes.length) >> 3));
    return sizes[1] === 0 ? 0 : Math.trunc((common(a, b) * MAX_SCORE) / most);
  }

  #fingerprint(oid: Oid): Fingerprint {
    const known = this.#known.get(oid);
    if (known !== undefined) return known;
    const data = readBlob(this.#source, oid);
    this.#meter.spend(data.length >> 4);
    const made = this.#make(data);
    if (this.#cached > MAX_CACHED_PIECES) {
      this.#known.clear();
      this.#cached = 0;
    }
    this.#known.set(oid, made);
    this.#cached += made.hashes.length;
    return made;
  }

  #make(data: Uint8Array): Fingerprint {
    const sums = this.#sums;
    const found: number[] = [];
    const text = !isBinary(data);
    let [low, high, length] = [0, 0, 0];
    for (let i = 0; i < data.length; i++) {
      const byte = data[i]!;
      // Line ends may be converted on the way; that alone makes no difference.
      if (text && byte === CR && data[i + 1] === LF) continue;
      const before = low;
      low = ((low << 7) ^ (high >>> 25)) + byte;
      high = (high << 7) ^ (before >>> 25);
      length++;
      if (length < PIECE && byte !== LF) continue;
      const hash = ((low + Math.imul(high, 0x61)) >>> 0) % HASHES;
      if (sums[hash] === 0) found.push(hash);
      sums[hash]! += length;
      [low, high, length] = [0, 0, 0];
    }
    // A last piece that is neither full nor ended by a line feed does not count, as in git up to 2.43.
    const hashes = Int32Array.from(found).sort();
    const bytes = hashes.map((hash) => sums[hash]!);
    for (const hash of found) sums[hash] = 0;
    return { hashes, bytes };
  }
}

function common(a: Fingerprint, b: Fingerprint): number {
  let sum = 0;
  for (let i = 0, j = 0; i < a.hashes.length && j < b.hashes.length; ) {
    const order = a.hashes[i]! - b.hashes[j]!;
    if (order === 0) sum += Math.min(a.bytes[i]!, b.bytes[j]!);
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return sum;
}
