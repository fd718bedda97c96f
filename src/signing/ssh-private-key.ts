/** Private keys in the file format of OpenSSH (openssh: PROTOCOL.key), without a passphrase. */
import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { publicKeyString } from './sign.js';
import { P256_CURVE, SSH_ED25519, SSH_P256, sshString } from './ssh-wire.js';

const MAGIC = 'openssh-key-v1\0';
/** Block size where nothing is encrypted. */
const BLOCK = 8;
const LINE = 70;

/**
 * @param comment shown by ssh-keygen; not secret
 * @throws TypeError for a key that is neither Ed25519 nor P-256
 */
export function openSshPrivateKey(key: KeyObject, comment: string): string {
  const isEd25519 = publicKeyString(key).startsWith('ed25519:');
  const { publicBlob, secret } = isEd25519 ? ed25519Parts(key) : p256Parts(key);
  const check = randomBytes(4);
  const body = Buffer.concat([check, check, secret, sshString(comment)]);
  const padding = Buffer.from(Array.from({ length: (BLOCK - (body.length % BLOCK)) % BLOCK }, (_, i) => i + 1));
  const file = Buffer.concat([
    Buffer.from(MAGIC, 'latin1'),
    ...['none', 'none', ''].map((part) => sshString(part)),
    Buffer.of(0, 0, 0, 1),
    sshString(publicBlob),
    sshString(Buffer.concat([body, padding])),
  ]);
  const lines = file.toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
}

/** The public half as a line of `authorized_keys` or an allowed signers file. */
export function openSshPublicKey(key: KeyObject, comment: string): string {
  const isEd25519 = publicKeyString(key).startsWith('ed25519:');
  const { publicBlob } = isEd25519 ? ed25519Parts(key) : p256Parts(key);
  return `${isEd25519 ? SSH_ED25519 : SSH_P256} ${publicBlob.toString('base64')} ${comment}\n`;
}

interface KeyParts {
  publicBlob: Buffer;
  /** Type, public and secret part in the order of the file. */
  secret: Buffer;
}

function ed25519Parts(key: KeyObject): KeyParts {
  const { d, x } = key.export({ format: 'jwk' });
  const point = Buffer.from(x ?? '', 'base64url');
  const seed = Buffer.from(d ?? '', 'base64url');
  const publicBlob = Buffer.concat([sshString(SSH_ED25519), sshString(point)]);
  return { publicBlob, secret: Buffer.concat([publicBlob, sshString(Buffer.concat([seed, point]))]) };
}

function p256Parts(key: KeyObject): KeyParts {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const point = spki.subarray(-65);
  const secret = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  const publicBlob = Buffer.concat([SSH_P256, P256_CURVE, point].map((part) => sshString(part)));
  return { publicBlob, secret: Buffer.concat([publicBlob, sshString(mpint(secret))]) };
}

/** RFC 4251 section 5: no leading zeros, but one where the number would look negative. */
function mpint(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? Buffer.alloc(0) : bytes.subarray(start);
  return (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits;
}
