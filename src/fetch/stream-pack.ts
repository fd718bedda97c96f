/** Sends a pack, framed for the client (gitprotocol-v2 / gitprotocol-pack, side-band). */
import type { PackBytes } from './pack-bytes.js';

/** Payload of one side-band-64k packet: 65520 less the length and the channel byte. */
const LARGE_BAND = 65_515;
/** Payload of one packet of the old side-band capability: 1000 less the length and the channel byte. */
const SMALL_BAND = 995;
const HEADER = 5;
/** Bytes read and written at a time: eight large packets, or as many small ones as fit. */
const BLOCK_BYTES = 8 * (LARGE_BAND + HEADER);
/** Two for each pack on its way: one is filled while the other goes out. */
const BLOCKS = 2;
/** Blocks kept for the next pack. */
const SPARE_BLOCKS = 16;

export type Framing = 'none' | 'side-band' | 'side-band-64k';

/** Where the bytes go. */
export interface ByteSink {
  /** Resolves when the bytes are out, so that their memory may be used for other ones. */
  hand(bytes: Uint8Array): Promise<void>;
}

/** Used again and again: a new megabyte for every megabyte sent keeps the garbage collector busier than the disk. */
const spare: Buffer[] = [];

/**
 * Streams a pack through channel 1, or bare. Memory: two blocks of 512 KiB.
 * Reading goes straight into the gaps between packet headers, so payload bytes are never copied again.
 */
export async function streamPack(pack: PackBytes, framing: Framing, sink: ByteSink): Promise<void> {
  const payload = framing === 'side-band' ? SMALL_BAND : LARGE_BAND;
  const gap = framing === 'none' ? 0 : HEADER;
  const perBlock = Math.floor(BLOCK_BYTES / (payload + gap)) * payload;
  const blocks: Buffer[] = [];
  const handed: Promise<void>[] = [];
  for (let at = 0, turn = 0; at < pack.bytes; at += perBlock, turn = (turn + 1) % BLOCKS) {
    await handed[turn];
    const block = blocks[turn] ?? spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    blocks[turn] = block;
    const { slots, end } = layOut(block, Math.min(perBlock, pack.bytes - at), payload, gap);
    await pack.read(slots, at);
    const sending = sink.hand(block.subarray(0, end));
    // Awaited in the next turn but one; until then a failure must not count as one that nobody handles.
    sending.catch(() => {});
    handed[turn] = sending;
  }
  await Promise.all(handed);
  // After a failure a connection may still hold them.
  for (const block of blocks) if (spare.length < SPARE_BLOCKS) spare.push(block);
}

/** Writes the packet headers of `length` payload bytes. @returns the gaps between them, and where the last one ends */
function layOut(block: Buffer, length: number, payload: number, gap: number): { slots: Buffer[]; end: number } {
  if (gap === 0) return { slots: [block.subarray(0, length)], end: length };
  const slots: Buffer[] = [];
  let end = 0;
  for (let left = length; left > 0; left -= payload) {
    const bytes = Math.min(payload, left);
    block.write(`${(bytes + gap).toString(16).padStart(4, '0')}\u0001`, end, 'latin1');
    slots.push(block.subarray(end + gap, end + gap + bytes));
    end += gap + bytes;
  }
  return { slots, end };
}
