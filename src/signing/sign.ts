/** The client's half: making keys and signing envelopes. */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { canonicalEnvelope, digest, type Envelope } from './envelope.js';
import type { KeyType } from './key-type.js';

export interface SignedEnvelope {
  /** RFC 8785 text of the envelope. */
  canonical: string;
  /** Base64, standard alphabet, padded. */
  signature: string;
}

/**
 * Signs an envelope with a private key (Ed25519, or P-256 with the canonical bytes hashed once).
 *
 * @throws TypeError for a key of another type
 */
export function signEnvelope(envelope: Envelope, privateKey: KeyObject): SignedEnvelope {
  const canonical = canonicalEnvelope(envelope);
  const signature =
    keyTypeOf(privateKey) === 'ed25519'
      ? sign(null, digest(canonical), privateKey)
      : sign('sha256', Buffer.from(canonical, 'utf8'), privateKey);
  return { canonical, signature: signature.toString('base64') };
}

export interface GeneratedKey {
  /** Unencrypted PKCS#8. */
  privateKeyPem: string;
  /** `ed25519:` or `ecdsa:` and base64. */
  publicKey: string;
}

/** Makes a key pair in the form the public SDKs load and register. */
export function generateKey(type: KeyType = 'ed25519'): GeneratedKey {
  const { privateKey } =
    type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKeyString(privateKey),
  };
}

/**
 * The registration form of a key: `ed25519:` + base64 of 32 bytes, or `ecdsa:` + base64 of the compressed point.
 *
 * @param key private or public
 * @throws TypeError for a key of another type
 */
export function publicKeyString(key: KeyObject): string {
  const type = keyTypeOf(key);
  const jwk = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  const x = Buffer.from(jwk.x ?? '', 'base64url');
  if (type === 'ed25519') return `ed25519:${x.toString('base64')}`;
  const y = Buffer.from(jwk.y ?? '', 'base64url');
  const compressed = Buffer.concat([Buffer.of(0x02 + ((y.at(-1) ?? 0) & 1)), x]);
  return `ecdsa:${compressed.toString('base64')}`;
}

function keyTypeOf(key: KeyObject): KeyType {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ecdsa';
  throw new TypeError('The key is neither Ed25519 nor P-256.');
}
