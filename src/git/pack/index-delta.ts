/** Applies deltas of any size: base, delta data and result may each lie in memory or in a file. */
import { applyDelta, DeltaError, deltaSizes, walkDelta } from './delta.js';
import { type Content, ContentFile, READ_BYTES, type Scratch } from './index-content.js';
import { IN_MEMORY_BYTES } from './limits.js';

/** Longest instruction: an insert of 127 bytes with its opcode. */
const LONGEST = 128;

/** Two sizes of at most ten bytes each. */
export const DELTA_HEADER_BYTES = 20;

/**
 * Applies `delta` to `base` and hands the result to `write` piece by piece.
 * @throws DeltaError as applyDelta does
 */
export function applyPiecewise(base: Content, delta: Content, write: (piece: Uint8Array) => void): void {
  const { baseSize, resultSize, start } = deltaSizes(delta.read(0, Math.min(delta.size, DELTA_HEADER_BYTES)));
  if (baseSize !== base.size) throw new DeltaError('delta was made for a base of another size');
  let made = 0;
  const emit = (piece: Uint8Array) => {
    made += piece.length;
    if (made > resultSize) throw new DeltaError('delta makes more bytes than it announces');
    write(piece);
  };
  const copy = (offset: number, size: number) => {
    for (let done = 0; done < size; done += READ_BYTES) {
      emit(base.read(offset + done, Math.min(READ_BYTES, size - done)));
    }
  };
  for (let at = start; at < delta.size; ) {
    const piece = delta.read(at, Math.min(READ_BYTES, delta.size - at));
    const whole = at + piece.length === delta.size ? piece : piece.subarray(0, lastInstructionEnd(piece));
    walkDelta(whole, 0, baseSize, copy, (from, size) => emit(whole.subarray(from, from + size)));
    at += whole.length;
  }
  if (made !== resultSize) throw new DeltaError('delta makes fewer bytes than it announces');
}

/** Where the last instruction that surely lies whole in the piece ends. */
function lastInstructionEnd(piece: Uint8Array): number {
  let at = 0;
  while (at + LONGEST <= piece.length) {
    const op = piece[at]!;
    if (op & 0x80) {
      at++;
      for (let bits = op & 0x7f; bits > 0; bits >>= 1) at += bits & 1;
    } else at += op + 1;
  }
  return at;
}

/**
 * Applies `delta` to `base`.
 * @param type the object's type number
 * @param size bytes of the result as the delta announces them
 * @returns the result in memory, or in a file still to be finished when it is large
 * @throws DeltaError
 */
export function applyContent(
  scratch: Scratch,
  base: Content,
  delta: Content,
  type: number,
  size: number,
): Buffer | ContentFile {
  if (size <= IN_MEMORY_BYTES) {
    if (base.bytes !== undefined && delta.bytes !== undefined) {
      return applyDelta(base.bytes, delta.bytes, (bytes) => scratch.buffers.take(bytes));
    }
    const out = Buffer.allocUnsafe(size);
    let filled = 0;
    applyPiecewise(base, delta, (piece) => {
      out.set(piece, filled);
      filled += piece.length;
    });
    return out;
  }
  const file = new ContentFile(scratch, type, size);
  applyPiecewise(base, delta, (piece) => file.write(piece));
  return file;
}
