/** AWS Signature Version 4 in the Authorization header, as S3 wants it ("Authenticating Requests", Amazon S3 API). */
import { createHmac, hash } from 'node:crypto';

const ALGORITHM = 'AWS4-HMAC-SHA256';

export interface SigningIdentity {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface SignedRequest {
  method: string;
  /** As it goes over the wire; see {@link encodeKey}. */
  path: string;
  /** As it goes over the wire, sorted and without "?"; default none. */
  query?: string;
  /** Everything to be signed; names in lower case. Must have `host`. */
  headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body; also the value of `x-amz-content-sha256`. */
  payloadHash: string;
}

/** Signs for one service in one region. Deriving the key takes four hashes, so the key of a day is kept. */
export class Signer {
  readonly #region: string;
  readonly #service: string;
  #derived: { secret: string; day: string; key: Buffer } | undefined;

  constructor(region: string, service = 's3') {
    this.#region = region;
    this.#service = service;
  }

  /**
   * The value of the Authorization header.
   * @param amzDate the value of `x-amz-date`, see {@link formatAmzDate}
   */
  authorization(request: SignedRequest, identity: SigningIdentity, amzDate: string): string {
    const names = Object.keys(request.headers).sort();
    const lines = names.map((name) => `${name}:${canonicalValue(request.headers[name] ?? '')}\n`).join('');
    const signedHeaders = names.join(';');
    const { method, path, query = '', payloadHash } = request;
    const canonical = `${method}\n${path}\n${query}\n${lines}\n${signedHeaders}\n${payloadHash}`;
    const day = amzDate.slice(0, 8);
    const scope = `${day}/${this.#region}/${this.#service}/aws4_request`;
    const text = `${ALGORITHM}\n${amzDate}\n${scope}\n${hash('sha256', canonical, 'hex')}`;
    const signature = createHmac('sha256', this.#key(identity.secretAccessKey, day)).update(text).digest('hex');
    return `${ALGORITHM} Credential=${identity.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  }

  #key(secret: string, day: string): Buffer {
    if (this.#derived?.secret !== secret || this.#derived.day !== day) {
      const steps = [day, this.#region, this.#service, 'aws4_request'];
      const key = steps.reduce(
        (from: string | Buffer, step) => createHmac('sha256', from).update(step).digest(),
        `AWS4${secret}`,
      ) as Buffer;
      this.#derived = { secret, day, key };
    }
    return this.#derived.key;
  }
}

/** `20130524T000000Z` */
export function formatAmzDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** A key as part of a path: RFC 3986 with the slashes left alone. S3 signs this form and does not encode it again. */
export function encodeKey(key: string): string {
  if (/^[\w.~/-]*$/.test(key)) return key;
  return key.split('/').map(encodeName).join('/');
}

function encodeName(name: string): string {
  return encodeURIComponent(name).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function canonicalValue(value: string): string {
  return value.trim().replaceAll(/\s+/g, ' ');
}
