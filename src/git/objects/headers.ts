/** The header block that commits and tags share: `name value` lines, folded by a leading space, up to an empty line. */
import { asBuffer } from '../bytes.js';
import { ObjectError } from './error.js';

const LF = 0x0a;
const SPACE = 0x20;

export interface Headers {
  /** In order; values of folded headers contain newlines. */
  lines: { name: string; value: Buffer }[];
  /** What follows the empty line. */
  message: Buffer;
}

/** @throws ObjectError when a header line has no end or no name */
export function parseHeaders(data: Uint8Array): Headers {
  const buffer = asBuffer(data);
  const lines: Headers['lines'] = [];
  let at = 0;
  while (at < buffer.length && buffer[at] !== LF) {
    const end = buffer.indexOf(LF, at);
    if (end === -1) throw new ObjectError('unterminated header');
    const space = buffer.indexOf(SPACE, at);
    const last = lines.at(-1);
    if (space === at && last !== undefined) {
      last.value = Buffer.concat([last.value, buffer.subarray(at, end)]);
      last.value[last.value.length - (end - at)] = LF;
    } else {
      const split = space === -1 || space > end ? end : space;
      if (split === at) throw new ObjectError('header line without a name');
      lines.push({ name: buffer.toString('latin1', at, split), value: buffer.subarray(Math.min(split + 1, end), end) });
    }
    at = end + 1;
  }
  return { lines, message: buffer.subarray(Math.min(at + 1, buffer.length)) };
}

/** One header line, folded where the value has several lines. */
export function headerLine(name: string, value: string): string {
  return `${name} ${value.replaceAll('\n', '\n ')}\n`;
}

/** A text as the encoding says, UTF-8 where there is none or an unknown one. */
export function decodeText(bytes: Uint8Array, encoding: string | undefined): string {
  if (encoding !== undefined) {
    try {
      return new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
    } catch {}
  }
  return asBuffer(bytes).toString('utf8');
}
