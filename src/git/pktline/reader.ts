/** Reading pkt-lines from chunks of any size (gitprotocol-common, "pkt-line Format"). */
import { asBuffer } from '../bytes.js';
import { ProtocolError, quoteLine } from './error.js';
import { MAX_PACKET } from './packet.js';

export type Packet =
  | { type: 'data'; payload: Buffer }
  | { type: 'flush' }
  | { type: 'delim' }
  | { type: 'response-end' };

const SPECIAL: readonly Packet[] = [{ type: 'flush' }, { type: 'delim' }, { type: 'response-end' }];

const EMPTY = Buffer.alloc(0);

/**
 * Feed chunks, pull packets until `next` returns undefined, feed more. Payloads are views of the fed memory.
 * What a caller does not pull as packets, such as the pack behind a command list, is had with `rest`.
 */
export class PktLineReader {
  #buffer: Buffer = EMPTY;
  #at = 0;

  feed(chunk: Uint8Array): void {
    const left = this.#buffer.subarray(this.#at);
    this.#buffer = left.length === 0 ? asBuffer(chunk) : Buffer.concat([left, chunk]);
    this.#at = 0;
  }

  /** The next packet, or undefined when more bytes are needed. @throws ProtocolError for a wrong length */
  next(): Packet | undefined {
    if (this.#buffer.length - this.#at < 4) return undefined;
    const length = this.#length();
    if (length < 4) {
      this.#at += 4;
      return SPECIAL[length]!;
    }
    const end = this.#at + length;
    if (end > this.#buffer.length) return undefined;
    const payload = this.#buffer.subarray(this.#at + 4, end);
    this.#at = end;
    return { type: 'data', payload };
  }

  /** Takes all bytes that no packet was made of. */
  rest(): Buffer {
    const rest = this.#buffer.subarray(this.#at);
    this.#buffer = EMPTY;
    this.#at = 0;
    return rest;
  }

  /** Call at the end of input. @throws ProtocolError when a packet is incomplete */
  end(): void {
    if (this.#at < this.#buffer.length) throw new ProtocolError('the remote end hung up in the middle of a packet');
  }

  #length(): number {
    const digits = this.#buffer.toString('latin1', this.#at, this.#at + 4);
    if (!/^[0-9a-f]{4}$/i.test(digits)) {
      throw new ProtocolError(`protocol error: bad line length character: ${quoteLine(digits)}`);
    }
    const length = Number.parseInt(digits, 16);
    if (length === 3 || length > MAX_PACKET) throw new ProtocolError(`protocol error: bad line length ${length}`);
    return length;
  }
}

/** All packets of a complete request. @throws ProtocolError also when the last packet is cut off */
export function* readPackets(bytes: Uint8Array): Generator<Packet> {
  const reader = new PktLineReader();
  reader.feed(bytes);
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) yield packet;
  reader.end();
}

/** A payload without the one newline that senders may append. */
export function chomp(payload: Buffer): Buffer {
  return payload.at(-1) === 0x0a ? payload.subarray(0, -1) : payload;
}
