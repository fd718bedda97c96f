/** Strict JSON reading: what two parsers could understand differently must not be signed. */
import { AppError } from '../errors.js';

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

/** Deeper nesting than any request needs; keeps recursive readers far from the end of the stack. */
export const MAX_JSON_DEPTH = 64;

/** True for `{...}`, false for arrays, null and scalars. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON text or UTF-8 bytes.
 *
 * Stricter than `JSON.parse`: refuses invalid UTF-8, a repeated key in one object, the key `__proto__`, the character
 * U+0000 (which no column can hold) and nesting deeper than {@link MAX_JSON_DEPTH}.
 *
 * @throws AppError VALIDATION_ERROR
 */
export function parseJson(input: string | Uint8Array): JsonValue {
  const source = typeof input === 'string' ? input : decode(input);
  let value: JsonValue;
  try {
    value = JSON.parse(source) as JsonValue;
  } catch (cause) {
    throw refuse('is not valid JSON', cause);
  }
  inspect(source);
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuse('is not valid UTF-8', cause);
  }
}

/** Walks text that is known to be valid JSON, so only strings and brackets need to be told apart. */
function inspect(source: string): void {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < source.length; at++) {
    const char = source[at];
    if (char === '{' || char === '[') {
      open.push(char === '{' ? new Set() : undefined);
      if (open.length > MAX_JSON_DEPTH) throw refuse('is nested too deeply');
    } else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      const end = endOfString(source, at);
      inspectString(source.slice(at, end), isKeyBefore(source, end) ? open.at(-1) : undefined);
      at = end - 1;
    }
  }
}

/** Position after the closing quote. No regular expression: packs arrive as strings of many megabytes. */
function endOfString(source: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const quote = source.indexOf('"', at);
    let escapes = quote;
    while (source[escapes - 1] === '\\') escapes--;
    if ((quote - escapes) % 2 === 0) return quote + 1;
    at = quote;
  }
}

function isKeyBefore(source: string, at: number): boolean {
  while (' \t\n\r'.includes(source[at] ?? '!')) at++;
  return source[at] === ':';
}

/** @param keys the keys seen so far in the object when the string is a key, else undefined */
function inspectString(literal: string, keys: Set<string> | undefined): void {
  if (keys === undefined && !literal.includes('\\u0000')) return;
  const value = JSON.parse(literal) as string;
  if (value.includes('\0')) throw refuse('contains the character U+0000');
  if (keys === undefined) return;
  if (value === '__proto__') throw refuse('contains the key "__proto__"');
  if (keys.has(value)) throw refuse('contains a key twice');
  keys.add(value);
}

function refuse(what: string, cause?: unknown): AppError {
  return new AppError('VALIDATION_ERROR', { message: `The request body ${what}.`, cause });
}
