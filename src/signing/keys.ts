/** Public keys in every form that registration accepts. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { AppError } from '../errors.js';
import type { KeyType } from './key-type.js';
import { ed25519Problem, uncompressedP256 } from './points.js';

export interface PublicKey {
  type: KeyType;
  keyObject: KeyObject;
  /** Lowercase hex SHA-256 of the SPKI DER, P-256 points uncompressed: equal for all spellings of one key. */
  fingerprint: string;
}

/** Longer than any accepted spelling; keeps junk away from the decoders. */
const MAX_KEY_TEXT = 1024;
const MAX_ECHO = 24;

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const P256_SPKI_COMPRESSED = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
const P256_SPKI_UNCOMPRESSED = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

/**
 * Reads `ed25519:<base64>`, `ecdsa:<base64>` (raw point or SPKI DER), bare base64 of an Ed25519 key, or a PEM
 * `PUBLIC KEY` whose line ends may be written as a literal `\n`.
 *
 * @throws AppError INVALID_PUBLIC_KEY with details `{reason, received}`, `received` cut short
 */
export function parsePublicKey(text: string): PublicKey {
  const found = text.length > MAX_KEY_TEXT ? 'the key text is too long' : read(text.trim());
  if (typeof found !== 'string') return found;
  throw new AppError('INVALID_PUBLIC_KEY', { details: { reason: found, received: text.slice(0, MAX_ECHO) } });
}

/** A sentence instead of a key says what is wrong. */
function read(text: string): PublicKey | string {
  if (text.startsWith('-----')) return fromPem(text);
  const [, prefix, encoded] = /^(?:([a-z0-9]+):)?(.*)$/s.exec(text) ?? [];
  if (prefix !== undefined && prefix !== 'ed25519' && prefix !== 'ecdsa') return 'the prefix is not ed25519 or ecdsa';
  const bytes = decodeBase64(encoded ?? '');
  if (bytes === undefined) return 'the key is not base64';
  if (prefix === 'ecdsa') return fromSpki(bytes, 'ecdsa') ?? fromP256(bytes);
  return (prefix === undefined ? undefined : fromSpki(bytes, 'ed25519')) ?? fromEd25519(bytes);
}

function fromPem(text: string): PublicKey | string {
  const lines = text.replaceAll('\\r', '').replaceAll('\\n', '\n');
  const match = /^-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----$/.exec(lines.trim());
  const bytes = match?.[1] === undefined ? undefined : decodeBase64(match[1].replace(/\s/g, ''));
  if (bytes === undefined) return 'the PEM is not a PUBLIC KEY block';
  return fromSpki(bytes, 'ed25519') ?? fromSpki(bytes, 'ecdsa') ?? 'the key is neither Ed25519 nor P-256';
}

/** Undefined when the bytes are not an SPKI of that type. Whole prefixes are compared: nothing else can hide in the DER. */
function fromSpki(der: Buffer, type: KeyType): PublicKey | string | undefined {
  const strip = (prefix: Buffer, size: number) =>
    der.length === prefix.length + size && der.subarray(0, prefix.length).equals(prefix)
      ? der.subarray(prefix.length)
      : undefined;
  if (type === 'ed25519') {
    const raw = strip(ED25519_SPKI, 32);
    return raw && fromEd25519(raw);
  }
  const point = strip(P256_SPKI_COMPRESSED, 33) ?? strip(P256_SPKI_UNCOMPRESSED, 65);
  return point && fromP256(point);
}

function fromEd25519(raw: Buffer): PublicKey | string {
  return ed25519Problem(raw) ?? fromDer('ed25519', Buffer.concat([ED25519_SPKI, raw]));
}

function fromP256(point: Buffer): PublicKey | string {
  const full = uncompressedP256(point);
  return typeof full === 'string' ? full : fromDer('ecdsa', Buffer.concat([P256_SPKI_UNCOMPRESSED, full]));
}

function fromDer(type: KeyType, der: Buffer): PublicKey {
  return {
    type,
    keyObject: createPublicKey({ key: der, format: 'der', type: 'spki' }),
    fingerprint: createHash('sha256').update(der).digest('hex'),
  };
}

function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined;
}
