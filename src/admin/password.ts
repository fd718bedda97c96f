/** Checks a password against a stored hash: hex SHA-256, or the PHC strings of scrypt and Argon2. */
import { createHash, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { argon2 } from './argon2.js';

const scryptAsync = promisify(
  scrypt as (
    password: string,
    salt: Buffer,
    length: number,
    options: { N: number; r: number; p: number; maxmem: number },
    done: (error: Error | null, key: Buffer) => void,
  ) => void,
);

/**
 * Whether the password belongs to the hash; the comparison takes the same time wherever they differ.
 * @param stored one of the forms that the configuration lets through
 */
export async function verifyPassword(stored: string, password: string): Promise<boolean> {
  const expected = stored.startsWith('$') ? decode(field(stored, 'hash')) : Buffer.from(stored, 'hex');
  const actual = await derive(stored, password, expected.length);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

async function derive(stored: string, password: string, length: number): Promise<Uint8Array> {
  if (!stored.startsWith('$')) return createHash('sha256').update(password, 'utf8').digest();
  const salt = decode(field(stored, 'salt'));
  const number = (name: string) => Number(new RegExp(`[$,]${name}=(\\d+)`).exec(stored)?.[1]);
  if (stored.startsWith('$scrypt$')) {
    const [N, r, p] = [2 ** number('ln'), number('r'), number('p')];
    return scryptAsync(password, salt, length, { N, r, p, maxmem: 128 * r * (N + p + 2) + 1024 });
  }
  return argon2({
    kind: stored.slice(1, stored.indexOf('$', 1)) as 'argon2id' | 'argon2i' | 'argon2d',
    password,
    salt,
    memorySize: number('m'),
    iterations: number('t'),
    parallelism: number('p'),
    hashLength: length,
  });
}

function field(stored: string, which: 'salt' | 'hash'): string {
  return stored.split('$').at(which === 'salt' ? -2 : -1) ?? '';
}

/** Base64 without padding, as PHC strings have it. */
function decode(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
