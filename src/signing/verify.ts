/** Signature checks with node:crypto: about ten times faster than curve code in JavaScript. */
import { type KeyObject, verify } from 'node:crypto';
import { digest } from './envelope.js';
import type { PublicKey } from './keys.js';

/** DER of two 256-bit integers has at most 72 bytes. */
const MAX_SIGNATURE_BYTES = 72;
const RAW_SIGNATURE_BYTES = 64;

/** Bytes of a signature in padded standard base64; undefined when it is anything else or too long to be one. */
export function decodeSignature(base64: string): Buffer | undefined {
  if (base64.length > MAX_SIGNATURE_BYTES * 2) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  const usable = bytes.length > 0 && bytes.length <= MAX_SIGNATURE_BYTES && bytes.toString('base64') === base64;
  return usable ? bytes : undefined;
}

/**
 * Whether the signature covers the canonical text.
 *
 * Ed25519 signs the SHA-256 digest. For P-256 the public SDKs differ: some hash the canonical bytes once, others sign the
 * digest as a message, which hashes twice; both count, as do DER and raw 64-byte signatures and both signs of S.
 */
export function verifySignature(
  key: Pick<PublicKey, 'type' | 'keyObject'>,
  canonical: string,
  signature: Buffer,
): boolean {
  const hashed = digest(canonical);
  if (key.type === 'ed25519')
    return signature.length === RAW_SIGNATURE_BYTES && verify(null, hashed, key.keyObject, signature);
  return [Buffer.from(canonical, 'utf8'), hashed].some((message) => verifyP256(key.keyObject, message, signature));
}

/** {@link verifySignature} off the event loop, for those who check very many: Ed25519, the usual case, runs in the thread pool. */
export async function verifySignatureInPool(
  key: Pick<PublicKey, 'type' | 'keyObject'>,
  canonical: string,
  signature: Buffer,
): Promise<boolean> {
  if (key.type !== 'ed25519') return verifySignature(key, canonical, signature);
  if (signature.length !== RAW_SIGNATURE_BYTES) return false;
  return new Promise((resolve) => {
    verify(null, digest(canonical), key.keyObject, signature, (error, good) => resolve(error === null && good));
  });
}

function verifyP256(key: KeyObject, message: Buffer, signature: Buffer): boolean {
  if (verify('sha256', message, { key, dsaEncoding: 'der' }, signature)) return true;
  return (
    signature.length === RAW_SIGNATURE_BYTES && verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
  );
}
