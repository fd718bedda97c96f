/** Inflating zlib streams whose compressed length is unknown, as pack entries are (gitformat-pack). */
import { createInflate, inflateSync } from 'node:zlib';
import { invalidPack } from './limits.js';

/** zlib refuses smaller output chunks. */
const MIN_CHUNK = 64;

interface InflateInfo {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

/** Thrown by {@link inflateKnown} when the input ends before the stream does. */
export class InputEnds extends Error {
  override readonly name = 'InputEnds';
}

/**
 * Inflates a stream that must yield exactly `size` bytes; bytes after the stream are ignored.
 * @returns the content and the length of the compressed stream
 * @throws InputEnds when `input` is too short, AppError INVALID_PACKFILE for a bad stream or another size
 */
export function inflateKnown(input: Uint8Array, size: number): { data: Buffer; consumed: number } {
  let info: InflateInfo;
  try {
    // One byte of slack lets zlib see the end of the stream without asking for a second output chunk.
    const options = { info: true, chunkSize: Math.max(MIN_CHUNK, size + 1), maxOutputLength: Math.max(1, size) };
    info = inflateSync(input, options) as unknown as InflateInfo;
  } catch (error) {
    throw translate(error);
  }
  if (info.buffer.length !== size) throw wrongSize();
  return { data: info.buffer, consumed: info.engine.bytesWritten };
}

/**
 * Inflates a stream piece by piece.
 * @param read the next compressed piece, empty at the end of the input
 * @param sink called with every inflated piece; what it throws ends the work
 * @returns the length of the compressed stream
 * @throws AppError INVALID_PACKFILE for a bad stream, another size than `size` or more input than `maxInput`
 */
export function inflateStream(
  read: () => Uint8Array,
  size: number,
  maxInput: number,
  sink: (piece: Buffer) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const engine = createInflate({ chunkSize: 64 * 1024 });
    let output = 0;
    let input = 0;
    const fail = (error: unknown) => {
      engine.destroy();
      reject(error instanceof InputEnds ? invalidPack('the packfile ends inside an object') : error);
    };
    const feed = () => {
      if (engine.destroyed) return;
      try {
        if (input > maxInput) throw invalidPack('an object is padded beyond its announced size');
        const piece = read();
        input += piece.length;
        if (piece.length === 0) engine.end();
        else engine.write(piece, feed);
      } catch (error) {
        fail(error);
      }
    };
    engine.on('data', (piece: Buffer) => {
      try {
        output += piece.length;
        if (output > size) throw wrongSize();
        sink(piece);
      } catch (error) {
        fail(error);
      }
    });
    engine.on('error', (error) => fail(translate(error)));
    engine.on('end', () => {
      if (output === size) resolve(engine.bytesWritten);
      else fail(wrongSize());
      engine.destroy();
    });
    feed();
  });
}

function wrongSize(): Error {
  return invalidPack('an object inflates to another size than it announces');
}

function translate(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'Z_BUF_ERROR') return new InputEnds();
  if (code === 'ERR_BUFFER_TOO_LARGE') return wrongSize();
  if (code === 'Z_DATA_ERROR' || code === 'Z_NEED_DICT') return invalidPack('an object holds a corrupt zlib stream');
  return error;
}
