/** Detached SSH signatures as `ssh-keygen -Y sign` makes them (openssh: PROTOCOL.sshsig). */
import { createHash, verify } from 'node:crypto';
import type { PublicKey } from './keys.js';
import { readSshPublicKey, SSH_ED25519, SSH_P256, SshFormatError, SshReader, sshString } from './ssh-wire.js';

const MAGIC = 'SSHSIG';
const VERSION = 1;
const ARMOR = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n?$/;
/** Several times what a P-256 signature needs, bytes of the armored text. */
const MAX_ARMORED = 4096;
const ED25519_SIGNATURE_BYTES = 64;
/** Of one of the two numbers of a P-256 signature. */
const P256_NUMBER_BYTES = 32;

export interface SshSignature {
  publicKey: PublicKey;
  /** What the signature is for; `git` for everything that git signs. */
  namespace: string;
  reserved: Buffer;
  hash: 'sha256' | 'sha512';
  /** 64 bytes: of Ed25519, or the two numbers of P-256 behind each other. */
  signature: Buffer;
}

/** @throws SshFormatError when it is no signature, or not by an Ed25519 or P-256 key */
export function parseSshSignature(armored: string): SshSignature {
  const encoded = armored.length > MAX_ARMORED ? undefined : ARMOR.exec(armored)?.[1]?.replaceAll('\n', '');
  const bytes = encoded === undefined ? undefined : Buffer.from(encoded, 'base64');
  if (bytes === undefined || bytes.toString('base64') !== encoded) {
    throw new SshFormatError('it is not an armored SSH signature');
  }
  const reader = new SshReader(bytes);
  if (reader.take(MAGIC.length).toString('latin1') !== MAGIC) throw new SshFormatError('it is no SSHSIG');
  const version = reader.uint32();
  if (version !== VERSION) throw new SshFormatError(`its version is ${version}, not ${VERSION}`);
  const publicKey = readSshPublicKey(reader.string());
  const namespace = reader.text();
  const reserved = reader.string();
  const hash = reader.text();
  if (hash !== 'sha256' && hash !== 'sha512') throw new SshFormatError('its hash is neither sha256 nor sha512');
  const signature = readSignature(reader.string(), publicKey.type);
  reader.end();
  return { publicKey, namespace, reserved, hash, signature };
}

/** Whether the signature covers the message, made for this namespace. Whose key it is remains to be asked. */
export function verifySshSignature(signature: SshSignature, message: Uint8Array, namespace: string): boolean {
  const { publicKey, reserved, hash } = signature;
  if (signature.namespace !== namespace) return false;
  const hashed = createHash(hash).update(message).digest();
  const signed = Buffer.concat([
    Buffer.from(MAGIC, 'latin1'),
    ...[namespace, reserved, hash, hashed].map((part) => sshString(part)),
  ]);
  const { keyObject: key } = publicKey;
  return publicKey.type === 'ed25519'
    ? verify(null, signed, key, signature.signature)
    : verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature.signature);
}

function readSignature(blob: Uint8Array, type: PublicKey['type']): Buffer {
  const reader = new SshReader(blob);
  if (reader.text() !== (type === 'ed25519' ? SSH_ED25519 : SSH_P256)) {
    throw new SshFormatError('its signature is of another type than its key');
  }
  const body = reader.string();
  reader.end();
  if (type === 'ed25519') {
    if (body.length !== ED25519_SIGNATURE_BYTES) throw new SshFormatError('an Ed25519 signature has 64 bytes');
    return body;
  }
  const numbers = new SshReader(body);
  const both = Buffer.concat([readNumber(numbers.string()), readNumber(numbers.string())]);
  numbers.end();
  return both;
}

/** An mpint (RFC 4251 section 5) that is not negative, in 32 bytes. */
function readNumber(mpint: Buffer): Buffer {
  const digits = mpint[0] === 0 ? mpint.subarray(1) : mpint;
  const negative = digits === mpint && (mpint[0] ?? 0) >= 0x80;
  if (negative || digits.length === 0 || digits.length > P256_NUMBER_BYTES) {
    throw new SshFormatError('a number of its signature is out of range');
  }
  return Buffer.concat([Buffer.alloc(P256_NUMBER_BYTES - digits.length), digits]);
}
