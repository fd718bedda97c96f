/** fsck rules for the text headers of commits and tags (git-fsck). All positions are checked against the end. */
import { asBuffer } from '../bytes.js';
import type { FindingId } from './finding.js';

const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const LESS = 0x3c;
const GREATER = 0x3e;
/** The largest time of a signed 64-bit clock, which is what git can store. */
const MAX_TIME = 2n ** 63n - 1n;

/** Reads a header line by line; every `take` either moves on or leaves the position. */
export class HeaderCursor {
  readonly data: Buffer;
  at = 0;

  constructor(data: Uint8Array) {
    this.data = asBuffer(data);
  }

  /** True, and moved behind it, when `prefix` comes next. */
  take(prefix: string): boolean {
    if (this.data.toString('latin1', this.at, this.at + prefix.length) !== prefix) return false;
    this.at += prefix.length;
    return true;
  }

  /** True, and moved behind the line, when exactly 40 hex digits and a newline come next. */
  takeOid(): boolean {
    if (!/^[0-9a-f]{40}\n$/i.test(this.data.toString('latin1', this.at, this.at + 41))) return false;
    this.at += 41;
    return true;
  }

  /** The rest of the line, moved behind it; undefined when it has no end. */
  takeLine(): string | undefined {
    const end = this.data.indexOf(LF, this.at);
    if (end === -1) return undefined;
    const line = this.data.toString('latin1', this.at, end);
    this.at = end + 1;
    return line;
  }

  /** Judges a person line and moves behind it. */
  takePerson(): FindingId | undefined {
    const start = this.at;
    this.takeLine();
    return checkPerson(this.data, start);
  }
}

/** The header must be free of NUL and end with a newline, whether a body follows or not. */
export function checkHeaderEnd(data: Uint8Array): FindingId | undefined {
  const buffer = asBuffer(data);
  const blank = buffer.indexOf('\n\n');
  const nul = buffer.indexOf(0);
  if (nul !== -1 && (blank === -1 || nul < blank)) return 'nulInHeader';
  if (blank === -1 && buffer.at(-1) !== LF) return 'unterminatedHeader';
  return undefined;
}

/** Position of the first `<`, `>`, newline or end of data. */
function nextMark(data: Buffer, at: number): number {
  while (at < data.length && data[at] !== LESS && data[at] !== GREATER && data[at] !== LF) at++;
  return at;
}

function checkPerson(data: Buffer, start: number): FindingId | undefined {
  if (data[start] === LESS) return 'missingNameBeforeEmail';
  let at = nextMark(data, start);
  if (data[at] === GREATER) return 'badName';
  if (data[at] !== LESS) return 'missingEmail';
  if (data[at - 1] !== SPACE) return 'missingSpaceBeforeEmail';
  at = nextMark(data, at + 1);
  if (data[at] !== GREATER) return 'badEmail';
  if (data[at + 1] !== SPACE) return 'missingSpaceBeforeDate';
  return checkDate(data, at + 2);
}

function checkDate(data: Buffer, at: number): FindingId | undefined {
  // git reads numbers like strtol and so allows further blanks.
  while (data[at] === SPACE || data[at] === TAB) at++;
  const start = at;
  while (data[at]! >= 0x30 && data[at]! <= 0x39) at++;
  if (at === start) return 'badDate';
  if (data[start] === 0x30 && data[start + 1] !== SPACE) return 'zeroPaddedDate';
  if (at - start >= 19 && (at - start > 19 || BigInt(data.toString('latin1', start, at)) > MAX_TIME)) {
    return 'badDateOverflow';
  }
  if (data[at] !== SPACE) return 'badDate';
  return /^[+-]\d{4}\n$/.test(data.toString('latin1', at + 1, at + 7)) ? undefined : 'badTimezone';
}
