/** Delta data (gitformat-pack, "Deltified representation"): two sizes, then copy and insert instructions. */

/** Thrown for delta data that cannot be applied; the message is fit for a client. */
export class DeltaError extends Error {
  override readonly name = 'DeltaError';
}

/** The two sizes that head delta data, and where the instructions begin. */
export function deltaSizes(delta: Uint8Array): { baseSize: number; resultSize: number; start: number } {
  let at = 0;
  const size = () => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = delta[at++];
      if (byte === undefined) throw new DeltaError('delta header is truncated');
      value += (byte & 0x7f) * scale;
      if (!Number.isSafeInteger(value)) throw new DeltaError('delta size is too large');
      if ((byte & 0x80) === 0) return value;
      scale *= 128;
    }
  };
  return { baseSize: size(), resultSize: size(), start: at };
}

/** Calls `copy` and `insert` for each instruction, after checking that it stays inside delta and base. */
export function walkDelta(
  delta: Uint8Array,
  start: number,
  baseSize: number,
  copy: (offset: number, size: number) => void,
  insert: (from: number, size: number) => void,
): void {
  let at = start;
  while (at < delta.length) {
    const op = delta[at++]!;
    if (op & 0x80) {
      let offset = 0;
      let size = 0;
      for (let i = 0; i < 4; i++) if (op & (1 << i)) offset += (delta[at++] ?? Number.NaN) * 2 ** (8 * i);
      for (let i = 0; i < 3; i++) if (op & (0x10 << i)) size += (delta[at++] ?? Number.NaN) * 2 ** (8 * i);
      if (size === 0) size = 0x10000;
      if (!(offset + size <= baseSize)) throw new DeltaError('delta copies from outside its base');
      copy(offset, size);
    } else {
      if (op === 0) throw new DeltaError('delta uses the reserved instruction 0');
      if (at + op > delta.length) throw new DeltaError('delta is truncated');
      insert(at, op);
      at += op;
    }
  }
}

/** Copied one by one: making a view costs more. */
const FEW_BYTES = 48;

/** Applies delta data to a base in memory. @throws DeltaError */
export function applyDelta(base: Uint8Array, delta: Uint8Array, allocate = Buffer.allocUnsafe): Buffer {
  const { baseSize, resultSize, start } = deltaSizes(delta);
  if (baseSize !== base.length) throw new DeltaError('delta was made for a base of another size');
  const result = allocate(resultSize);
  let filled = 0;
  const take = (source: Uint8Array, from: number, size: number) => {
    if (filled + size > resultSize) throw new DeltaError('delta makes more bytes than it announces');
    if (size > FEW_BYTES) result.set(source.subarray(from, from + size), filled);
    else for (let i = 0; i < size; i++) result[filled + i] = source[from + i]!;
    filled += size;
  };
  walkDelta(
    delta,
    start,
    baseSize,
    (offset, size) => take(base, offset, size),
    (from, size) => take(delta, from, size),
  );
  if (filled !== resultSize) throw new DeltaError('delta makes fewer bytes than it announces');
  return result;
}
