/** Sends a pack file from disk, framed for the client (gitprotocol-v2 / gitprotocol-pack, side-band). */
import { open } from 'node:fs/promises';

/** Payload of one side-band-64k packet: 65520 less the length and the channel byte. */
const LARGE_BAND = 65_515;
/** Payload of one packet of the old side-band capability: 1000 less the length and the channel byte. */
const SMALL_BAND = 995;
/** Bytes read from disk at a time; each block is framed in place and written once. */
const BLOCK_BAND_PACKETS = 16;
const HEADER = 5;

export type Framing = 'none' | 'side-band' | 'side-band-64k';

/** Where the bytes go; resolves when more may be written. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
}

/**
 * Streams a file through channel 1, or bare. Memory: one block of about 1 MiB.
 * Reading goes straight into the gaps between packet headers, so payload bytes are never copied again.
 */
export async function streamFile(path: string, framing: Framing, sink: ByteSink): Promise<void> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const payload = framing === 'side-band' ? SMALL_BAND : LARGE_BAND;
    const gap = framing === 'none' ? 0 : HEADER;
    const perBlock = framing === 'side-band' ? BLOCK_BAND_PACKETS * 64 : BLOCK_BAND_PACKETS;
    for (let at = 0; at < size; ) {
      const length = Math.min(payload * perBlock, size - at);
      const packets = Math.ceil(length / payload);
      const block = Buffer.allocUnsafe(length + packets * gap);
      const slots: Buffer[] = [];
      for (let i = 0; i < packets; i++) {
        const start = i * (payload + gap);
        const bytes = Math.min(payload, length - i * payload);
        if (gap > 0) block.write(`${(bytes + gap).toString(16).padStart(4, '0')}\u0001`, start, 'latin1');
        slots.push(block.subarray(start + gap, start + gap + bytes));
      }
      await readFully(file, slots, at, length);
      await sink.write(block);
      at += length;
    }
  } finally {
    await file.close();
  }
}

async function readFully(
  file: Awaited<ReturnType<typeof open>>,
  slots: Buffer[],
  at: number,
  length: number,
): Promise<void> {
  let views: Buffer[] = slots;
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.readv(views, at + done);
    if (bytesRead === 0) throw new Error('the pack file ended early');
    done += bytesRead;
    let skip = bytesRead;
    views = views.flatMap((view) => {
      const taken = Math.min(skip, view.length);
      skip -= taken;
      return taken === view.length ? [] : [view.subarray(taken)];
    });
  }
}
