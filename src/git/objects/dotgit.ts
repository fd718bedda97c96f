/**
 * Names that a file system takes for `.git` or for a file git reads itself (`.gitmodules`), though the bytes differ:
 * HFS+ drops some code points and ignores case, NTFS ignores trailing dots and spaces, knows 8.3 short names and
 * splits at backslashes. Everything works on bytes in place, because it runs for the entries of every pushed tree.
 */

const DOT = 0x2e;
const SPACE = 0x20;
const TILDE = 0x7e;
const COLON = 0x3a;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/** A name git guards: without its dot, and the prefix of the hashed 8.3 short name that NTFS makes for it. */
export interface GuardedName {
  rest: Buffer;
  hashed: Buffer | undefined;
}

export const DOT_GIT: GuardedName = { rest: Buffer.from('git'), hashed: undefined };
export const DOT_GITMODULES: GuardedName = { rest: Buffer.from('gitmodules'), hashed: Buffer.from('gi7eba') };
export const DOT_GITATTRIBUTES: GuardedName = { rest: Buffer.from('gitattributes'), hashed: Buffer.from('gi7d29') };

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

function isDigit(byte: number, from: number): boolean {
  return byte >= 0x30 + from && byte <= 0x39;
}

/** Code points that HFS+ leaves out when it compares names. */
function isIgnorable(code: number): boolean {
  return (
    (code >= 0x200c && code <= 0x200f) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x206a && code <= 0x206f) ||
    code === 0xfeff
  );
}

const INVALID = -1;

/** Bytes of the UTF-8 sequence that a lead byte starts; 0 for a byte that starts none. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/** The code point at `at`, or INVALID; surrogates, overlong forms and U+FFFE/U+FFFF are invalid, as git has it. */
function codePoint(data: Uint8Array, at: number, end: number, length: number): number {
  if (length === 0 || at + length > end) return INVALID;
  let code = length === 1 ? data[at]! : data[at]! & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = data[at + i]!;
    if ((byte & 0xc0) !== 0x80) return INVALID;
    code = (code << 6) | (byte & 0x3f);
  }
  if ((length === 3 && code < 0x800) || (length === 4 && (code < 0x10000 || code > 0x10ffff))) return INVALID;
  if ((code >= 0xd800 && code <= 0xdfff) || code === 0xfffe || code === 0xffff) return INVALID;
  return code;
}

/** True when HFS+ would open the guarded name. Bytes that are not UTF-8 count as the end of the name, as in git. */
export function isHfsName(data: Uint8Array, start: number, end: number, guarded: GuardedName): boolean {
  let at = start;
  for (let matched = 0; ; ) {
    if (at >= end) return matched === guarded.rest.length + 1;
    const length = sequenceLength(data[at]!);
    const code = codePoint(data, at, end, length);
    at += length;
    if (code === INVALID) return matched === guarded.rest.length + 1;
    if (isIgnorable(code)) continue;
    const wanted = matched === 0 ? DOT : guarded.rest[matched - 1];
    if (wanted === undefined) return code === SLASH;
    if (code > 0x7f || lower(code) !== wanted) return false;
    matched++;
  }
}

/** True when only dots and spaces follow, up to the end or to a character that NTFS ends a name at. */
function endsOnNtfs(data: Uint8Array, at: number, end: number, separators: boolean): boolean {
  for (; at < end; at++) {
    const byte = data[at]!;
    if (byte === COLON || (separators && (byte === BACKSLASH || byte === SLASH))) return true;
    if (byte !== DOT && byte !== SPACE) return false;
  }
  return true;
}

function startsWith(data: Uint8Array, at: number, end: number, prefix: Uint8Array, size: number): boolean {
  if (at + size > end) return false;
  for (let i = 0; i < size; i++) if (lower(data[at + i]!) !== prefix[i]) return false;
  return true;
}

/** True when NTFS would open `.git`: that name itself or its short name `git~1`. */
export function isNtfsDotGit(data: Uint8Array, start: number, end: number): boolean {
  const git = DOT_GIT.rest;
  if (data[start] === DOT && startsWith(data, start + 1, end, git, 3)) return endsOnNtfs(data, start + 4, end, true);
  if (!startsWith(data, start, end, git, 3)) return false;
  return data[start + 3] === TILDE && data[start + 4] === 0x31 && endsOnNtfs(data, start + 5, end, true);
}

/** True when NTFS would open the guarded file: its name, a short name `gitmod~1` to `~4`, or a hashed short name. */
export function isNtfsName(data: Uint8Array, start: number, end: number, guarded: GuardedName): boolean {
  const { rest, hashed } = guarded;
  if (data[start] === DOT && startsWith(data, start + 1, end, rest, rest.length)) {
    if (endsOnNtfs(data, start + 1 + rest.length, end, false)) return true;
  }
  if (end - start < 8) return false;
  const digit = data[start + 7]!;
  if (startsWith(data, start, end, rest, 6) && data[start + 6] === TILDE && digit >= 0x31 && digit <= 0x34) {
    return endsOnNtfs(data, start + 8, end, false);
  }
  // A hashed short name: up to six characters of the hash, a tilde, a number without leading zero; 8 characters.
  let tilde = -1;
  for (let i = 0; i < 8; i++) {
    const byte = data[start + i]!;
    if (tilde >= 0) {
      if (!isDigit(byte, i === tilde + 1 ? 1 : 0)) return false;
    } else if (byte === TILDE && i < 7) tilde = i;
    else if (hashed === undefined || i >= 6 || lower(byte) !== hashed[i]) return false;
  }
  return endsOnNtfs(data, start + 8, end, false);
}
