import { constants, deflateRawSync, deflateSync, inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { Random } from '../../../test/support/random.js';
import { borrowWorkshop, ONE_CALL_BYTES } from './workshop.js';

const workshop = borrowWorkshop();

/** What lies behind the stream must not matter. */
function inflate(stream: Uint8Array, size: number, end = stream.length + 20): { content: Buffer; consumed: number } {
  workshop.window.fill(0xa5, 0, stream.length + 64).set(stream, 3);
  const consumed = workshop.inflate(3, 3 + end, size);
  return { content: Buffer.from(workshop.inflated(size)), consumed };
}

/** zlib's verdict: the content, and the length of the stream; undefined when it is bad. */
function reference(stream: Uint8Array): { content: Buffer; consumed: number } | undefined {
  try {
    const options = { info: true, maxOutputLength: ONE_CALL_BYTES };
    const { buffer, engine } = inflateSync(stream, options) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { content: buffer, consumed: engine.bytesWritten };
  } catch {
    return undefined;
  }
}

function content(random: Random, size: number): Buffer {
  const kind = random.below(4);
  if (kind === 0) return random.bytes(size);
  if (kind === 1) return Buffer.alloc(size, random.bytes(1 + random.below(20)));
  if (kind === 2) return Buffer.from(random.words(Math.ceil(size / 4)).slice(0, size));
  return Buffer.from(random.bytes(size).map((byte) => (byte * byte) >> 10));
}

const STRATEGIES = [
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_FILTERED,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
  constants.Z_FIXED,
];

it('inflates what zlib deflates, in every manner and of every size', () => {
  const random = new Random(1);
  for (let i = 0; i < 900; i++) {
    const data = content(random, i < 300 ? i : Math.floor(random.next() ** 3 * 200_000));
    const stream = deflateSync(data, {
      level: i % 10,
      strategy: STRATEGIES[i % 5]!,
      memLevel: 1 + (i % 9),
      windowBits: 9 + (i % 7),
    });
    const result = inflate(stream, data.length);
    expect(result.consumed).toBe(stream.length);
    expect(result.content.equals(data)).toBe(true);
    if (i % 9 === 0) expect(inflate(stream, data.length, stream.length).consumed).toBe(stream.length);
  }
});

it('inflates the largest content, and streams of several blocks', () => {
  const random = new Random(2);
  const parts = Array.from({ length: 9 }, (_, i) => content(random, i * 9000));
  const raw = parts.map((part, i) =>
    deflateRawSync(part, { level: i, finishFlush: i === 8 ? constants.Z_FINISH : constants.Z_FULL_FLUSH }),
  );
  const data = Buffer.concat(parts);
  const trailer = deflateSync(data).subarray(-4);
  const stream = Buffer.concat([Buffer.of(0x78, 0x9c), ...raw, trailer]);
  const whole = inflate(stream, data.length);
  expect(whole.consumed).toBe(stream.length);
  expect(whole.content.equals(data)).toBe(true);
  const large = Buffer.alloc(ONE_CALL_BYTES, random.bytes(77_777));
  const deflated = deflateSync(large);
  const result = inflate(deflated, large.length);
  expect(result.consumed).toBe(deflated.length);
  expect(result.content.equals(large)).toBe(true);
});

it('refuses every cut and every other size', () => {
  const random = new Random(3);
  for (const size of [0, 1, 40, 700]) {
    const data = content(random, size);
    for (const level of [0, 1, 9]) {
      const stream = deflateSync(data, { level });
      for (let end = 0; end < stream.length; end++) expect(inflate(stream, size, end).consumed).toBeLessThan(0);
      for (const other of [0, size - 1, size + 1, 2 * size + 1]) {
        if (other >= 0 && other !== size) expect(inflate(stream, other).consumed).toBeLessThan(0);
      }
    }
  }
});

it('accepts nothing that zlib refuses, and yields the same, however the bytes are changed', () => {
  const random = new Random(4);
  let accepted = 0;
  let refused = 0;
  for (let i = 0; i < 6000; i++) {
    const data = content(random, random.below(300));
    const raw = Buffer.from(deflateRawSync(data, { level: i % 10, strategy: STRATEGIES[i % 5]! }));
    for (let changes = random.below(3); changes > 0; changes--) raw[random.below(raw.length)]! ^= 1 << random.below(8);
    // The checksum is made to fit, or nearly every change would be found by it alone.
    let made: Buffer;
    try {
      made = inflateSync(Buffer.concat([Buffer.of(0x78, 0x9c), raw]), { finishFlush: constants.Z_SYNC_FLUSH });
    } catch {
      made = data;
    }
    const head = random.below(20) === 0 ? random.bytes(2) : Buffer.of(0x78, 0x9c);
    const stream = Buffer.concat([head, raw, deflateSync(made).subarray(-4)]);
    const expected = reference(stream);
    const result = inflate(stream, expected?.content.length ?? made.length, stream.length);
    if (expected === undefined) {
      refused++;
      expect(result.consumed).toBeLessThan(0);
    } else {
      accepted++;
      expect(result.consumed).toBe(expected.consumed);
      expect(result.content.equals(expected.content)).toBe(true);
    }
  }
  expect(accepted).toBeGreaterThan(1000);
  expect(refused).toBeGreaterThan(1000);
});

it('never writes beyond its memory or hangs, whatever it gets', () => {
  const random = new Random(5);
  for (let i = 0; i < 4000; i++) {
    const noise = random.bytes(random.below(200));
    const stream = Buffer.concat([Buffer.of(0x78, 0x9c), Buffer.of((random.below(3) << 1) | random.below(2)), noise]);
    const size = random.below(8) === 0 ? ONE_CALL_BYTES : random.below(100);
    expect(inflate(stream, size, stream.length).consumed).toBeLessThanOrEqual(stream.length);
  }
});
