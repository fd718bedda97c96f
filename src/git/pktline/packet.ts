/** Writing pkt-lines (gitprotocol-common, "pkt-line Format"; gitprotocol-v2 for the special packets). */
import { asBuffer } from '../bytes.js';
import { printable } from './error.js';

/** Longest packet with its four length bytes, and longest payload. */
export const MAX_PACKET = 65520;
export const MAX_PAYLOAD = MAX_PACKET - 4;

export const FLUSH: Buffer = Buffer.from('0000', 'latin1');
export const DELIM: Buffer = Buffer.from('0001', 'latin1');
export const RESPONSE_END: Buffer = Buffer.from('0002', 'latin1');

/** Longest message in an error packet, characters. */
const MAX_MESSAGE = 1000;

/** The four length bytes in front of a payload of `size` bytes. */
export function packetHeader(size: number): Buffer {
  return Buffer.from((size + 4).toString(16).padStart(4, '0'), 'latin1');
}

/** One packet. Text is written as UTF-8. @throws RangeError when the payload is over {@link MAX_PAYLOAD} bytes */
export function pktLine(payload: string | Uint8Array): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'utf8') : asBuffer(payload);
  if (body.length > MAX_PAYLOAD) throw new RangeError(`a packet holds at most ${MAX_PAYLOAD} bytes`);
  return Buffer.concat([packetHeader(body.length), body]);
}

/** An error packet, which ends the conversation (gitprotocol-pack, "error-line"). */
export function errPacket(message: string): Buffer {
  return pktLine(`ERR ${printable(message, MAX_MESSAGE)}\n`);
}
