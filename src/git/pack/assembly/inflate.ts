/**
 * Inflates zlib streams (RFC 1950, RFC 1951) whose compressed length is unknown. Accepts what zlib accepts, no more.
 */

/** Results below zero; everything else is the length of the stream. */
const INPUT_ENDS: i32 = -1;
const CORRUPT: i32 = -2;
const WRONG_SIZE: i32 = -3;
const END_OF_BLOCK: i32 = 0;

/** Codes of up to this many bits are decoded by one look-up; longer ones are rare and counted out bit by bit. */
const LITERAL_BITS: i32 = 11;
const DISTANCE_BITS: i32 = 9;
const LENGTH_BITS: i32 = 7;
const MAX_BITS: i32 = 15;

const LENGTH_BASE = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]);
const LENGTH_EXTRA = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);
const DISTANCE_BASE = memory.data<u16>([
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
]);
const DISTANCE_EXTRA = memory.data<u8>([
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
]);
const LENGTH_ORDER = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

/** A decoder: codes by length (16 bits each, 16 of them), symbols in the order of their codes, and the look-up table. */
const COUNTS: usize = 0;
const SYMBOLS: usize = 32;
const TABLE: usize = 32 + 288 * 2;
const LITERALS = memory.data(32 + 288 * 2 + (2 << LITERAL_BITS));
const DISTANCES = memory.data(32 + 288 * 2 + (2 << DISTANCE_BITS));
const LENGTHS = memory.data(32 + 288 * 2 + (2 << LENGTH_BITS));
const FIXED_LITERALS = memory.data(32 + 288 * 2 + (2 << LITERAL_BITS));
const FIXED_DISTANCES = memory.data(32 + 288 * 2 + (2 << DISTANCE_BITS));
/** Lengths of codes by symbol, and where the symbols of each length begin. */
const sizes = memory.data(320);
const starts = memory.data(32);

let hasFixed = false;

let input: usize = 0;
let inputEnd: usize = 0;
let bits: u64 = 0;
let bitCount: i32 = 0;
let output: usize = 0;
let outputStart: usize = 0;
let outputEnd: usize = 0;

@inline
function refill(): void {
  if (input + 8 <= inputEnd) {
    bits |= load<u64>(input) << bitCount;
    input += (63 - bitCount) >> 3;
    bitCount |= 56;
  } else {
    while (bitCount <= 56 && input < inputEnd) {
      bits |= (<u64>load<u8>(input)) << bitCount;
      input++;
      bitCount += 8;
    }
  }
}

@inline
function drop(count: i32): void {
  bits >>= count;
  bitCount -= count;
}

/**
 * Makes a decoder of the `count` code lengths in `sizes`.
 * @returns how many codes are missing; negative when there are too many
 */
function build(decoder: usize, from: usize, count: i32, tableBits: i32): i32 {
  memory.fill(decoder, 0, 32);
  memory.fill(decoder + TABLE, 0, 2 << tableBits);
  for (let i: i32 = 0; i < count; i++) {
    const at = decoder + ((<usize>load<u8>(from + i)) << 1);
    store<u16>(at, load<u16>(at) + 1);
  }
  let missing: i32 = 1;
  for (let size: i32 = 1; size <= MAX_BITS; size++) {
    missing = (missing << 1) - <i32>load<u16>(decoder + (<usize>size << 1));
    if (missing < 0) return missing;
  }
  store<u16>(starts + 2, 0);
  for (let size: i32 = 1; size < MAX_BITS; size++) {
    const at = <usize>size << 1;
    store<u16>(starts + at + 2, load<u16>(starts + at) + load<u16>(decoder + at));
  }
  for (let i: i32 = 0; i < count; i++) {
    const size = load<u8>(from + i);
    if (size == 0) continue;
    const at = starts + ((<usize>size) << 1);
    const position = load<u16>(at);
    store<u16>(at, position + 1);
    store<u16>(decoder + SYMBOLS + ((<usize>position) << 1), <u16>i);
  }
  // Codes ascend with their symbols; the table is indexed by their bits in the order they come.
  let code: u32 = 0;
  let symbol = decoder + SYMBOLS;
  for (let size: i32 = 1; size <= tableBits; size++) {
    for (let left: i32 = load<u16>(decoder + (<usize>size << 1)); left > 0; left--) {
      let turned: u32 = 0;
      for (let i: i32 = 0; i < size; i++) turned |= ((code >> i) & 1) << (size - 1 - i);
      const entry = <u16>((<i32>load<u16>(symbol) << 4) | size);
      for (; turned < <u32>(1 << tableBits); turned += 1 << size) {
        store<u16>(decoder + TABLE + (<usize>turned << 1), entry);
      }
      symbol += 2;
      code++;
    }
    code <<= 1;
  }
  return missing;
}

/** Decodes a symbol whose code is not in the table. */
function decodeLong(decoder: usize): i32 {
  let code: i32 = 0;
  let first: i32 = 0;
  let index: i32 = 0;
  for (let size: i32 = 1; size <= MAX_BITS; size++) {
    if (size > bitCount) return INPUT_ENDS;
    code |= <i32>((bits >> (size - 1)) & 1);
    const count: i32 = load<u16>(decoder + (<usize>size << 1));
    if (code - count < first) {
      drop(size);
      return load<u16>(decoder + SYMBOLS + (<usize>(index + code - first) << 1));
    }
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  return CORRUPT;
}

@inline
function decode(decoder: usize, tableBits: i32): i32 {
  const entry: i32 = load<u16>(decoder + TABLE + (<usize>(bits & ((1 << tableBits) - 1)) << 1));
  if (entry == 0) return decodeLong(decoder);
  const size = entry & 15;
  if (size > bitCount) return INPUT_ENDS;
  drop(size);
  return entry >> 4;
}

@inline
function copyMatch(distance: usize, length: usize): void {
  const end = output + length;
  let from = output - distance;
  let to = output;
  if (distance >= 16) {
    for (; to < end; to += 16, from += 16) v128.store(to, v128.load(from));
  } else if (distance >= 8) {
    for (; to < end; to += 8, from += 8) store<u64>(to, load<u64>(from));
  } else {
    for (; to < end; to++, from++) store<u8>(to, load<u8>(from));
  }
  output = end;
}

function codedBlock(literals: usize, distances: usize): i32 {
  while (true) {
    if (bitCount < 48) refill();
    const symbol = decode(literals, LITERAL_BITS);
    if (symbol < 256) {
      if (symbol < 0) return symbol;
      if (output >= outputEnd) return WRONG_SIZE;
      store<u8>(output, symbol);
      output++;
      continue;
    }
    if (symbol == 256) return END_OF_BLOCK;
    if (symbol > 285) return CORRUPT;
    const lengthExtra: i32 = load<u8>(LENGTH_EXTRA + (symbol - 257));
    if (lengthExtra > bitCount) return INPUT_ENDS;
    const length: usize =
      <usize>load<u16>(LENGTH_BASE + ((<usize>(symbol - 257)) << 1)) + <usize>(bits & ((1 << lengthExtra) - 1));
    drop(lengthExtra);
    const code = decode(distances, DISTANCE_BITS);
    if (code < 0) return code;
    if (code > 29) return CORRUPT;
    const distanceExtra: i32 = load<u8>(DISTANCE_EXTRA + code);
    if (distanceExtra > bitCount) return INPUT_ENDS;
    const distance: usize =
      <usize>load<u16>(DISTANCE_BASE + ((<usize>code) << 1)) + <usize>(bits & ((1 << distanceExtra) - 1));
    drop(distanceExtra);
    if (distance > output - outputStart) return CORRUPT;
    if (output + length > outputEnd) return WRONG_SIZE;
    copyMatch(distance, length);
  }
}

function storedBlock(): i32 {
  drop(bitCount & 7);
  refill();
  if (bitCount < 32) return INPUT_ENDS;
  const length = <usize>(bits & 0xffff);
  if (length != <usize>(~(bits >> 16) & 0xffff)) return CORRUPT;
  drop(32);
  // What was read ahead goes back.
  input -= <usize>(bitCount >> 3);
  bits = 0;
  bitCount = 0;
  if (input + length > inputEnd) return INPUT_ENDS;
  if (output + length > outputEnd) return WRONG_SIZE;
  memory.copy(output, input, length);
  input += length;
  output += length;
  return END_OF_BLOCK;
}

function dynamicBlock(): i32 {
  refill();
  if (bitCount < 14) return INPUT_ENDS;
  const literalCount: i32 = <i32>(bits & 31) + 257;
  const distanceCount: i32 = <i32>((bits >> 5) & 31) + 1;
  const lengthCount: i32 = <i32>((bits >> 10) & 15) + 4;
  drop(14);
  if (literalCount > 286 || distanceCount > 30) return CORRUPT;
  memory.fill(sizes, 0, 19);
  for (let i: i32 = 0; i < lengthCount; i++) {
    refill();
    if (bitCount < 3) return INPUT_ENDS;
    store<u8>(sizes + load<u8>(LENGTH_ORDER + i), <u8>(bits & 7));
    drop(3);
  }
  if (build(LENGTHS, sizes, 19, LENGTH_BITS) != 0) return CORRUPT;
  const total = literalCount + distanceCount;
  for (let i: i32 = 0; i < total; ) {
    refill();
    const symbol = decode(LENGTHS, LENGTH_BITS);
    if (symbol < 0) return symbol;
    if (symbol < 16) {
      store<u8>(sizes + i, symbol);
      i++;
      continue;
    }
    const extra: i32 = symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
    if (extra > bitCount) return INPUT_ENDS;
    const repeat: i32 = <i32>(bits & ((1 << extra) - 1)) + (symbol == 18 ? 11 : 3);
    drop(extra);
    if (symbol == 16 && i == 0) return CORRUPT;
    if (i + repeat > total) return CORRUPT;
    memory.fill(sizes + i, symbol == 16 ? load<u8>(sizes + i - 1) : 0, repeat);
    i += repeat;
  }
  if (load<u8>(sizes + 256) == 0) return CORRUPT;
  if (!isUsable(build(LITERALS, sizes, literalCount, LITERAL_BITS), LITERALS)) return CORRUPT;
  const missing = build(DISTANCES, sizes + literalCount, distanceCount, DISTANCE_BITS);
  if (!isUsable(missing, DISTANCES)) return CORRUPT;
  return codedBlock(LITERALS, DISTANCES);
}

/** As in zlib, codes may be missing only where there is none longer than one bit. */
function isUsable(missing: i32, decoder: usize): bool {
  if (missing <= 0) return missing == 0;
  for (let size: usize = 2; size <= 15; size++) if (load<u16>(decoder + (size << 1)) != 0) return false;
  return true;
}

function fixedBlock(): i32 {
  if (!hasFixed) {
    memory.fill(sizes, 8, 144);
    memory.fill(sizes + 144, 9, 112);
    memory.fill(sizes + 256, 7, 24);
    memory.fill(sizes + 280, 8, 8);
    build(FIXED_LITERALS, sizes, 288, LITERAL_BITS);
    memory.fill(sizes, 5, 32);
    build(FIXED_DISTANCES, sizes, 32, DISTANCE_BITS);
    hasFixed = true;
  }
  return codedBlock(FIXED_LITERALS, FIXED_DISTANCES);
}

/** Bytes whose sums still fit in 32 bits. */
const ADLER_BYTES: usize = 5552;
const ADLER_BASE: u32 = 65521;

@inline
function sum(vector: v128): u64 {
  return (
    <u64>i32x4.extract_lane(vector, 0) +
    <u64>i32x4.extract_lane(vector, 1) +
    <u64>i32x4.extract_lane(vector, 2) +
    <u64>i32x4.extract_lane(vector, 3)
  );
}

function adler32(at: usize, end: usize): u32 {
  let low: u64 = 1;
  let high: u64 = 0;
  while (at < end) {
    const stop = min(end, at + ADLER_BYTES);
    const whole = (stop - at) & ~15;
    let sums = i32x4.splat(0);
    let before = i32x4.splat(0);
    let weighted = i32x4.splat(0);
    for (const last = at + whole; at < last; at += 16) {
      const part = v128.load(at);
      before = i32x4.add(before, sums);
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(part)));
      weighted = i32x4.add(
        weighted,
        i32x4.add(
          i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(part), i16x8(16, 15, 14, 13, 12, 11, 10, 9)),
          i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(part), i16x8(8, 7, 6, 5, 4, 3, 2, 1)),
        ),
      );
    }
    high += low * whole + 16 * sum(before) + sum(weighted);
    low += sum(sums);
    for (; at < stop; at++) {
      low += load<u8>(at);
      high += low;
    }
    low %= ADLER_BASE;
    high %= ADLER_BASE;
  }
  return (<u32>high << 16) | <u32>low;
}

/**
 * Inflates the stream at `from`, of which at most the bytes before `fromEnd` are there, to exactly `size` bytes at `to`.
 * Up to 16 bytes behind them are overwritten.
 * @returns the length of the stream, or a negative number that says why not
 */
export function inflate(from: usize, fromEnd: usize, to: usize, size: usize): i32 {
  if (from + 2 > fromEnd) return INPUT_ENDS;
  const first: u32 = load<u8>(from);
  const second: u32 = load<u8>(from + 1);
  if ((first & 15) != 8 || first >> 4 > 7 || ((first << 8) | second) % 31 != 0 || (second & 32) != 0) return CORRUPT;
  input = from + 2;
  inputEnd = fromEnd;
  bits = 0;
  bitCount = 0;
  output = to;
  outputStart = to;
  outputEnd = to + size;
  for (let isLast = false; !isLast; ) {
    refill();
    if (bitCount < 3) return INPUT_ENDS;
    isLast = (bits & 1) != 0;
    const kind = <i32>((bits >> 1) & 3);
    drop(3);
    const result =
      kind == 0 ? storedBlock() : kind == 1 ? fixedBlock() : kind == 2 ? dynamicBlock() : CORRUPT;
    if (result != END_OF_BLOCK) return result;
  }
  drop(bitCount & 7);
  refill();
  if (bitCount < 32) return INPUT_ENDS;
  const expected = bswap<u32>(<u32>bits);
  drop(32);
  input -= <usize>(bitCount >> 3);
  if (adler32(to, output) != expected) return CORRUPT;
  if (output != outputEnd) return WRONG_SIZE;
  return <i32>(input - from);
}
