/**
 * Git's configuration syntax (git-config, "CONFIGURATION FILE"), as far as a server must read files written in it.
 * Bytes are taken as latin1 text: only ASCII characters have a meaning, and no byte gets lost.
 */
import { asBuffer } from '../bytes.js';

const BOM = '\u00ef\u00bb\u00bf';
/** From memory, git takes this byte for the end when it comes, but reads on where it needs more. */
const END = '\u00ff';
const BLANK = /[ \t\r\n]/;
const KEY = /[0-9A-Za-z-]/;

/** Where git has the text from. */
export type ConfigSource = 'blob' | 'file';

type Entry = (name: string, value: string | undefined) => void;

/** Thrown inside for text that git cannot parse. */
class ConfigSyntax extends Error {}

/**
 * Calls `entry` for every variable up to the first mistake, in order.
 * @param from git skips a byte order mark in a file only, and stops at byte 0xff in a blob only
 * @param entry told the whole name (`section.Sub.key`, section and key in lower case) and the value; undefined = no `=`
 * @returns false when the text ends with a mistake, as git then stops reading
 */
export function readConfigText(data: Uint8Array, from: ConfigSource, entry: Entry): boolean {
  const source = new Characters(asBuffer(data).toString('latin1'), from);
  try {
    let section = '';
    for (let char = source.next(); char !== '\n' || !source.ended; char = source.next()) {
      if (char === '#' || char === ';') {
        if (!source.skipLine()) return true;
      } else if (char === '[') section = `${readSection(source)}.`;
      else if (/[A-Za-z]/.test(char)) readVariable(source, section + char.toLowerCase(), entry);
      else if (!BLANK.test(char)) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof ConfigSyntax) return false;
    throw error;
  }
}

/** Characters with CR LF as one newline, and a newline at the end of the text. */
class Characters {
  readonly #text: string;
  readonly #end: string | undefined;
  #at = 0;
  ended = false;

  constructor(text: string, from: ConfigSource) {
    this.#end = from === 'blob' ? END : undefined;
    this.#text = from === 'file' && text.startsWith(BOM) ? text.slice(BOM.length) : text;
  }

  next(): string {
    if (this.#at >= this.#text.length) {
      this.ended = true;
      return '\n';
    }
    if (this.#text.startsWith('\r\n', this.#at)) this.#at++;
    const char = this.#text[this.#at++]!;
    if (char !== this.#end) return char;
    this.ended = true;
    return '\n';
  }

  /** @returns whether there is more behind the line */
  skipLine(): boolean {
    while (this.next() !== '\n');
    return !this.ended;
  }
}

/** Reads behind `[` up to and with `]`. */
function readSection(source: Characters): string {
  let name = '';
  for (;;) {
    const char = source.next();
    if (source.ended) throw new ConfigSyntax();
    if (char === ']') return name;
    if (BLANK.test(char)) return `${name}.${readSubsection(source, char)}`;
    if (!KEY.test(char) && char !== '.') throw new ConfigSyntax();
    name += char.toLowerCase();
  }
}

function readSubsection(source: Characters, blank: string): string {
  let char = blank;
  while (BLANK.test(char)) {
    if (char === '\n') throw new ConfigSyntax();
    char = source.next();
  }
  if (char !== '"') throw new ConfigSyntax();
  const parts: string[] = [];
  for (;;) {
    char = source.next();
    if (char === '"') break;
    if (char === '\\') char = source.next();
    if (char === '\n') throw new ConfigSyntax();
    parts.push(char);
  }
  if (source.next() !== ']') throw new ConfigSyntax();
  return parts.join('');
}

function readVariable(source: Characters, start: string, entry: Entry): void {
  let name = start;
  let char = source.next();
  for (; !source.ended && KEY.test(char); char = source.next()) name += char.toLowerCase();
  while (char === ' ' || char === '\t') char = source.next();
  let value: string | undefined;
  if (char === '=') value = readValue(source);
  else if (char !== '\n') throw new ConfigSyntax();
  // git keeps names and values as C strings, so they end at a NUL.
  entry(cString(name), value === undefined ? undefined : cString(value));
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', b: '\b', n: '\n', '\\': '\\', '"': '"', '\n': '' };

function readValue(source: Characters): string {
  const parts: string[] = [];
  let quoted = false;
  let blanks = 0;
  for (;;) {
    let char = source.next();
    if (char === '\n') {
      if (quoted) throw new ConfigSyntax();
      return parts.join('');
    }
    if (BLANK.test(char) && !quoted) {
      if (parts.length > 0) blanks++;
      continue;
    }
    if (!quoted && (char === ';' || char === '#')) {
      source.skipLine();
      return parts.join('');
    }
    if (blanks > 0) parts.push(' '.repeat(blanks));
    blanks = 0;
    if (char === '"') {
      quoted = !quoted;
      continue;
    }
    if (char === '\\') {
      const escaped = ESCAPES[source.next()];
      if (escaped === undefined) throw new ConfigSyntax();
      if (escaped === '') continue;
      char = escaped;
    }
    parts.push(char);
  }
}

function cString(text: string): string {
  const nul = text.indexOf('\0');
  return nul === -1 ? text : text.slice(0, nul);
}
