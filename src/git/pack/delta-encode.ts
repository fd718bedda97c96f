/**
 * Makes delta data (gitformat-pack, "Deltified representation"). What both sides begin and end with is found by comparing;
 * what lies between by looking up blocks of the base, wherever they lie in the result.
 */

/** Bytes that must be equal for a copy to be worth its instruction. */
const BLOCK = 16;
/** Blocks of equal hash that are looked at; a base full of equal blocks would take for ever. */
const MOST_TRIED = 16;
const MAX_INSERT = 127;
/** Longer copies are valid too, but git itself never writes them. */
const MAX_COPY = 0x10000;
const MULTIPLIER = 0x2f0b4c47;
/** What the oldest byte of a block is multiplied with. */
const OLDEST = Array.from({ length: BLOCK - 1 }).reduce<number>((power) => Math.imul(power, MULTIPLIER), 1);

/**
 * Delta data that makes `result` out of `base`.
 * @returns undefined when it would be longer than `maxBytes`
 */
export function encodeDelta(base: Uint8Array, result: Uint8Array, maxBytes: number): Uint8Array | undefined {
  const delta = new DeltaWriter(result, maxBytes);
  delta.size(base.length);
  delta.size(result.length);
  const shorter = Math.min(base.length, result.length);
  let head = 0;
  while (head < shorter && base[head] === result[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && base[base.length - 1 - tail] === result[result.length - 1 - tail]) tail += 1;
  if (head < BLOCK) head = 0;
  if (tail < BLOCK) tail = 0;
  delta.copy(0, head);
  encodeBetween(delta, base, result, head, result.length - tail);
  delta.copy(base.length - tail, tail);
  return delta.end();
}

/** Encodes the bytes from `from` up to `to` of the result. */
function encodeBetween(delta: DeltaWriter, base: Uint8Array, result: Uint8Array, from: number, to: number): void {
  let literal = from;
  let at = from;
  if (to - from >= BLOCK && base.length >= BLOCK) {
    const blocks = new BlockIndex(base);
    let hash = hashAt(result, at);
    while (at + BLOCK <= to && !delta.isTooLong) {
      const match = blocks.longest(hash, result, at, to);
      if (match === undefined) {
        hash = Math.imul(hash - Math.imul(result[at]!, OLDEST), MULTIPLIER) + (result[at + BLOCK] ?? 0);
        at += 1;
        continue;
      }
      let { offset, length } = match;
      while (at > literal && offset > 0 && base[offset - 1] === result[at - 1]) {
        offset -= 1;
        at -= 1;
        length += 1;
      }
      delta.insert(literal, at);
      delta.copy(offset, length);
      at += length;
      literal = at;
      if (at + BLOCK <= to) hash = hashAt(result, at);
    }
  }
  delta.insert(literal, to);
}

function hashAt(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let i = at; i < at + BLOCK; i++) hash = Math.imul(hash, MULTIPLIER) + bytes[i]!;
  return hash | 0;
}

/** Where the blocks of a base are, by their hash. */
class BlockIndex {
  readonly #base: Uint8Array;
  readonly #mask: number;
  /** Number of the last block of each slot plus one, and of the one before each block. */
  readonly #last: Int32Array;
  readonly #before: Int32Array;

  constructor(base: Uint8Array) {
    const count = Math.floor(base.length / BLOCK);
    const slots = 2 ** Math.ceil(Math.log2(count * 2));
    this.#base = base;
    this.#mask = slots - 1;
    this.#last = new Int32Array(slots);
    this.#before = new Int32Array(count);
    for (let block = count - 1; block >= 0; block--) {
      const slot = this.#slot(hashAt(base, block * BLOCK));
      this.#before[block] = this.#last[slot]!;
      this.#last[slot] = block + 1;
    }
  }

  /** The longest equal bytes that begin with a whole block of the base, up to `to` of the result. */
  longest(hash: number, result: Uint8Array, at: number, to: number): { offset: number; length: number } | undefined {
    const base = this.#base;
    let best = 0;
    let length = BLOCK - 1;
    let next = this.#last[this.#slot(hash)]!;
    for (let tried = 0; next > 0 && tried < MOST_TRIED; tried++) {
      const offset = (next - 1) * BLOCK;
      next = this.#before[next - 1]!;
      const most = Math.min(base.length - offset, to - at);
      let equal = 0;
      while (equal < most && base[offset + equal] === result[at + equal]) equal += 1;
      if (equal > length) {
        best = offset;
        length = equal;
      }
    }
    return length < BLOCK ? undefined : { offset: best, length };
  }

  #slot(hash: number): number {
    return (hash ^ (hash >>> 15)) & this.#mask;
  }
}

/** Writes the instructions. */
class DeltaWriter {
  readonly #result: Uint8Array;
  readonly #maxBytes: number;
  readonly #bytes: number[] = [];

  constructor(result: Uint8Array, maxBytes: number) {
    this.#result = result;
    this.#maxBytes = maxBytes;
  }

  get isTooLong(): boolean {
    return this.#bytes.length > this.#maxBytes;
  }

  size(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes.push((rest % 128) | 0x80);
    this.#bytes.push(rest);
  }

  copy(from: number, length: number): void {
    for (let done = 0; done < length; done += MAX_COPY) this.#copy(from + done, Math.min(MAX_COPY, length - done));
  }

  insert(from: number, to: number): void {
    for (let at = from; at < to && !this.isTooLong; at += MAX_INSERT) {
      const end = Math.min(to, at + MAX_INSERT);
      this.#bytes.push(end - at);
      for (let i = at; i < end; i++) this.#bytes.push(this.#result[i]!);
    }
  }

  end(): Uint8Array | undefined {
    return this.isTooLong ? undefined : Uint8Array.from(this.#bytes);
  }

  /** Bytes that are 0 are left out, and the length {@link MAX_COPY} with them. */
  #copy(offset: number, length: number): void {
    const opAt = this.#bytes.push(0x80) - 1;
    let op = 0x80;
    for (const [i, value] of [offset, offset >>> 8, offset >>> 16, offset >>> 24].entries()) {
      if ((value & 0xff) === 0) continue;
      op |= 1 << i;
      this.#bytes.push(value & 0xff);
    }
    for (const [i, value] of [length, length >>> 8].entries()) {
      if ((value & 0xff) === 0) continue;
      op |= 0x10 << i;
      this.#bytes.push(value & 0xff);
    }
    this.#bytes[opAt] = op;
  }
}
