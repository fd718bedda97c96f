/**
 * Takes the one large string out of a JSON request while it arrives: the value of the top-level key `packfile`. What
 * is left is small enough for an ordinary parser, which then also finds every error of the JSON.
 *
 * Only strings and brackets are told apart here. Should the text not be JSON, the rest is not either, because a string is
 * replaced by an empty one and nothing else is changed.
 */
import { AppError } from '../../../errors.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN = new Set([0x7b, 0x5b]);
const CLOSE = new Set([0x7d, 0x5d]);
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d]);

const KEY = 'packfile';
/** The key with every letter escaped; longer literals are other keys. */
const MAX_KEY_BYTES = 2 + KEY.length * 6;

export class PackfileSplitter {
  readonly #maxRest: number;
  readonly #rest: Uint8Array[] = [];
  #restBytes = 0;
  #depth = 0;
  #state: 'outside' | 'string' | 'value' = 'outside';
  #escaped = false;
  /** Bytes of the string at depth 1 that began last; undefined when it is too long for the key. */
  #literal: number[] | undefined;
  /** True between the colon behind the key and its value. */
  #atValue = false;
  /** What of an escape in the value has arrived. */
  #escape = '';

  /** @param maxRest cap of what is not the pack, bytes */
  constructor(maxRest: number) {
    this.#maxRest = maxRest;
  }

  /** True when the pack has begun. */
  found = false;

  /**
   * @returns the part of the pack in this chunk, as text in pieces
   * @throws AppError PAYLOAD_TOO_LARGE when the rest exceeds its cap
   */
  feed(chunk: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < chunk.length; ) {
      at = this.#state === 'value' ? this.#readValue(chunk, at, pieces) : this.#readRest(chunk, at);
    }
    return pieces;
  }

  /** The JSON without the pack. */
  rest(): Buffer {
    return Buffer.concat(this.#rest, this.#restBytes);
  }

  /** Reads up to the end of the value or of the chunk. @returns where to go on */
  #readValue(chunk: Uint8Array, start: number, pieces: Uint8Array[]): number {
    let at = start;
    if (this.#escape !== '') return this.#readEscape(chunk, at, pieces);
    while (at < chunk.length && chunk[at] !== QUOTE && chunk[at] !== BACKSLASH) at++;
    if (at > start) pieces.push(chunk.subarray(start, at));
    if (chunk[at] === BACKSLASH) this.#escape = '\\';
    if (chunk[at] !== QUOTE) return at + 1;
    this.#state = 'outside';
    this.#keep(Buffer.of(QUOTE));
    return at + 1;
  }

  /** Some writers escape the slash, others everything that means something in HTML. */
  #readEscape(chunk: Uint8Array, at: number, pieces: Uint8Array[]): number {
    this.#escape += String.fromCharCode(chunk[at]!);
    const length = this.#escape[1] === 'u' ? 6 : 2;
    if (this.#escape.length < length) return at + 1;
    const text = unquote(`"${this.#escape}"`);
    // What is no escape is no base64 either, and refused as such.
    pieces.push(Buffer.from(text ?? '\\', 'utf8'));
    this.#escape = '';
    return at + 1;
  }

  #readRest(chunk: Uint8Array, start: number): number {
    let at = start;
    for (; at < chunk.length && this.#state !== 'value'; at++) {
      const byte = chunk[at]!;
      if (this.#state === 'string') this.#stringByte(byte);
      else this.#outsideByte(byte);
    }
    this.#keep(chunk.slice(start, at));
    return at;
  }

  #stringByte(byte: number): void {
    if (this.#literal !== undefined && this.#literal.push(byte) > MAX_KEY_BYTES) this.#literal = undefined;
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#state = 'outside';
  }

  #outsideByte(byte: number): void {
    if (BLANK.has(byte)) return;
    if (byte === QUOTE) {
      this.#state = this.#atValue ? 'value' : 'string';
      this.found ||= this.#atValue;
      this.#literal = this.#depth === 1 ? [QUOTE] : undefined;
    }
    this.#atValue = byte === COLON && this.#depth === 1 && this.#isKey();
    if (OPEN.has(byte)) this.#depth++;
    else if (CLOSE.has(byte)) this.#depth--;
  }

  #isKey(): boolean {
    return this.#literal !== undefined && unquote(Buffer.from(this.#literal).toString('latin1')) === KEY;
  }

  #keep(bytes: Uint8Array): void {
    this.#restBytes += bytes.length;
    if (this.#restBytes > this.#maxRest) {
      const message = `The request holds more than ${this.#maxRest} bytes beside the packfile.`;
      throw new AppError('PAYLOAD_TOO_LARGE', { message, details: { maxBytes: this.#maxRest } });
    }
    this.#rest.push(bytes);
  }
}

function unquote(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
}
