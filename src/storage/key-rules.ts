import { AppError } from '../errors.js';

const MAX_KEY_BYTES = 900;
const MAX_NAME_BYTES = 200;

/**
 * Throws unless a key may be used with every driver: printable ASCII names joined by single slashes. A name never
 * starts with a dot, which rules out `..` and keeps the drivers' own working files apart from keys.
 */
export function assertKey(key: string): void {
  if (key.length === 0 || key.length > MAX_KEY_BYTES || !key.split('/').every(isName)) refuse();
}

/** Throws unless a prefix is empty or the start of a legal key. */
export function assertPrefix(prefix: string): void {
  if (prefix === '') return;
  const names = prefix.split('/');
  const last = names.pop();
  if (prefix.length > MAX_KEY_BYTES || !names.every(isName) || !(last === '' || isName(last ?? ''))) refuse();
}

/** Throws unless a prefix names a folder; an empty prefix would delete every repository. */
export function assertFolder(prefix: string): void {
  assertPrefix(prefix);
  if (!prefix.endsWith('/')) refuse();
}

function isName(name: string): boolean {
  return (
    name.length > 0 && name.length <= MAX_NAME_BYTES && !name.startsWith('.') && /^[\x20-\x5b\x5d-\x7e]+$/.test(name)
  );
}

function refuse(): never {
  throw new AppError('OBJECT_STORAGE_ERROR', { message: 'The storage key is not valid.' });
}
