/** Curve point checks that OpenSSL leaves out or hides behind a general error. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';

/**
 * What is wrong with an Ed25519 public key, if anything.
 *
 * Small-order keys are refused because one signature under them fits many messages; encodings that are not canonical
 * (RFC 8032 section 5.1.3) because two spellings of one key would get two fingerprints.
 */
export function ed25519Problem(raw: Uint8Array): string | undefined {
  if (raw.length !== 32) return 'an Ed25519 key has 32 bytes';
  try {
    return ed25519.Point.fromBytes(raw, false).isSmallOrder() ? 'the Ed25519 point has small order' : undefined;
  } catch {
    return 'the bytes are no canonical Ed25519 point';
  }
}

/** The 65-byte uncompressed SEC1 form of a P-256 point, or a sentence that says what is wrong with it. */
export function uncompressedP256(sec1: Uint8Array): Uint8Array | string {
  const compressed = sec1.length === 33 && (sec1[0] === 2 || sec1[0] === 3);
  if (!compressed && !(sec1.length === 65 && sec1[0] === 4))
    return 'a P-256 point has 33 or 65 bytes (02, 03 or 04 first)';
  try {
    const point = p256.Point.fromBytes(sec1);
    point.assertValidity();
    return point.toBytes(false);
  } catch {
    return 'the point is not on the curve P-256';
  }
}
