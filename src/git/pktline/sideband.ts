/** Side-band framing (gitprotocol-pack, "Packfile Data"): the first payload byte names the channel. */
import { MAX_PACKET, packetHeader } from './packet.js';

export const CHANNEL = { data: 1, progress: 2, error: 3 } as const;

export type Channel = (typeof CHANNEL)[keyof typeof CHANNEL];

/** Content bytes in one packet of `side-band-64k`, and of `side-band`, whose packets end at 1000 bytes. */
export const SIDEBAND_64K = MAX_PACKET - 5;
export const SIDEBAND_SMALL = 995;

/** `bytes` as packets of one channel, at most `max` content bytes each; nothing for no bytes. */
export function sideband(channel: Channel, bytes: Uint8Array, max: number = SIDEBAND_64K): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += max) {
    const piece = bytes.subarray(at, at + max);
    parts.push(packetHeader(piece.length + 1), Buffer.of(channel), piece);
  }
  return Buffer.concat(parts);
}

/** A progress or error text on its channel. */
export function sidebandText(channel: Channel, text: string, max: number = SIDEBAND_64K): Buffer {
  return sideband(channel, Buffer.from(text, 'utf8'), max);
}
