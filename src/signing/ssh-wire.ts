/** Strings and keys as SSH writes them (RFC 4251 section 5, RFC 8709, RFC 5656). */
import { AppError } from '../errors.js';
import { type PublicKey, parsePublicKey } from './keys.js';

/** Thrown when the bytes are not what they should be; one line that says what. */
export class SshFormatError extends Error {
  override readonly name = 'SshFormatError';
}

/** Reads one value after the other. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @throws SshFormatError when fewer bytes are left */
  take(size: number): Buffer {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new SshFormatError('it is cut off');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.string().toString('latin1');
  }

  /** @throws SshFormatError when bytes are left over */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new SshFormatError('it has bytes behind its end');
  }
}

/** A string with its length in front. */
export function sshString(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}

/** Names of the two algorithms, which are names of keys and of signatures alike. */
export const SSH_ED25519 = 'ssh-ed25519';
export const SSH_P256 = 'ecdsa-sha2-nistp256';
export const P256_CURVE = 'nistp256';

/**
 * The public key of a key blob, with the fingerprint it has when it is registered.
 * @throws SshFormatError
 */
export function readSshPublicKey(blob: Uint8Array): PublicKey {
  const reader = new SshReader(blob);
  const type = reader.text();
  if (type !== SSH_ED25519 && type !== SSH_P256) {
    throw new SshFormatError(`keys of the type ${JSON.stringify(type.slice(0, 40))} are not taken`);
  }
  if (type === SSH_P256 && reader.text() !== P256_CURVE) throw new SshFormatError('its key is on another curve');
  const raw = reader.string().toString('base64');
  reader.end();
  try {
    return parsePublicKey(`${type === SSH_ED25519 ? 'ed25519' : 'ecdsa'}:${raw}`);
  } catch (error) {
    if (error instanceof AppError) throw new SshFormatError('its key is damaged');
    throw error;
  }
}
