/** The file `.env` of the folder that a node is started in: settings beside the environment, which wins. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/** A line of it that says nothing. */
const NOTHING = /^\s*(#.*)?$/;
const ASSIGNMENT = /^\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*(.*)$/;
const REST = /^\s*(#.*)?$/;

/**
 * Reads `.env` in the form that Node reads it in (`node --env-file`). What Node passes over in silence is an error here: a
 * mistyped line would leave a node with settings that nobody chose.
 * @returns no settings when there is no such file
 * @throws Error with one line that names file and line
 */
export function readEnvFile(folder: string): Record<string, string> {
  const path = join(folder, '.env');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new Error(`${path} cannot be read (${code})`, { cause: error });
  }
  const plain = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  const line = firstBadLine(plain.split('\n'));
  if (line !== undefined) {
    throw new Error(`${path} line ${line} is not NAME=value, "NAME='value with spaces'" or a comment`);
  }
  return Object.fromEntries(Object.entries(parseEnv(plain)).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])));
}

/** Numbered from 1. A quoted value may go over several lines. */
function firstBadLine(lines: readonly string[]): number | undefined {
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (NOTHING.test(line)) continue;
    const value = ASSIGNMENT.exec(line)?.[1];
    if (value === undefined) return at + 1;
    const quote = value[0];
    if (quote !== '"' && quote !== "'" && quote !== '`') continue;
    const start = at;
    let rest = value.slice(1);
    while (!rest.includes(quote)) {
      at += 1;
      const next = lines[at];
      if (next === undefined) return start + 1;
      rest = next;
    }
    if (!REST.test(rest.slice(rest.indexOf(quote) + 1))) return at + 1;
  }
  return undefined;
}
