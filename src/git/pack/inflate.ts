/** Inflating zlib streams whose compressed length is unknown, as pack entries are (gitformat-pack). */
import { createInflate } from 'node:zlib';
import { invalidPack } from './limits.js';

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
      reject(error);
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
  if (code === 'Z_BUF_ERROR') return invalidPack('the packfile ends inside an object');
  if (code === 'Z_DATA_ERROR' || code === 'Z_NEED_DICT') return invalidPack('an object holds a corrupt zlib stream');
  return error;
}
