/** JSON canonicalisation after RFC 8785: the exact bytes that are hashed and signed. */
import { AppError } from '../errors.js';
import { MAX_JSON_DEPTH } from './json.js';

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Canonical text of a JSON value (RFC 8785): no white space, keys in ascending UTF-16 order, own enumerable keys only.
 * Its UTF-8 encoding is what gets hashed.
 *
 * @throws AppError VALIDATION_ERROR for what JSON cannot carry: lone surrogates, NaN, infinities, undefined, big
 *   integers, functions, or nesting deeper than {@link MAX_JSON_DEPTH}
 */
export function canonicalize(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  if (depth > MAX_JSON_DEPTH) throw refuse('nested too deeply');
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'number':
      if (!Number.isFinite(value)) throw refuse('a number out of range');
      // JSON.stringify is ECMAScript Number::toString and turns -0 into 0, as RFC 8785 section 3.2.2.3 asks.
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`;
      return object(value as Record<string, unknown>, depth);
    default:
      throw refuse(`a value of type ${typeof value}`);
  }
}

function object(value: Record<string, unknown>, depth: number): string {
  // The default sort compares UTF-16 code units, which is the order RFC 8785 section 3.2.3 wants.
  const members = Object.keys(value)
    .sort()
    .map((key) => `${text(key)}:${write(value[key], depth + 1)}`);
  return `{${members.join(',')}}`;
}

function text(value: string): string {
  if (LONE_SURROGATE.test(value)) throw refuse('a lone surrogate');
  return JSON.stringify(value);
}

function refuse(what: string): AppError {
  return new AppError('VALIDATION_ERROR', { message: `The JSON contains ${what}, which cannot be signed.` });
}
