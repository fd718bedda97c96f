/** Where the bytes of a finished pack come from. */
import { type FileHandle, open } from 'node:fs/promises';

export interface PackBytes {
  /** Size of the pack. */
  bytes: number;
  /**
   * Fills buffers, one after another, with the bytes from `at` on.
   * @throws Error when the pack ends before
   */
  read(into: readonly Buffer[], at: number): Promise<void>;
  /** Call it once, when nothing more will be read. */
  close(): Promise<void>;
}

/** A pack in a file. @throws Error of the file system */
export async function filePack(path: string): Promise<PackBytes> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return { bytes: size, read: (into, at) => readFully(file, into, at), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

export function memoryPack(pack: Uint8Array): PackBytes {
  return {
    bytes: pack.length,
    async read(into, from) {
      let at = from;
      for (const buffer of into) {
        if (at + buffer.length > pack.length) throw endedEarly();
        buffer.set(pack.subarray(at, at + buffer.length));
        at += buffer.length;
      }
    },
    async close() {},
  };
}

async function readFully(file: FileHandle, into: readonly Buffer[], at: number): Promise<void> {
  let views = [...into];
  for (let done = 0; views.length > 0; ) {
    const { bytesRead } = await file.readv(views, at + done);
    if (bytesRead === 0) throw endedEarly();
    done += bytesRead;
    let skip = bytesRead;
    views = views.flatMap((view) => {
      const taken = Math.min(skip, view.length);
      skip -= taken;
      return taken === view.length ? [] : [view.subarray(taken)];
    });
  }
}

function endedEarly(): Error {
  return new Error('the pack ended early');
}
