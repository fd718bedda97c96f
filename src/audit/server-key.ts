/** The key with which the server signs what it says about its log. */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { asDatabaseError, type Queryable } from '../db/index.js';
import { generateKey, publicKeyString } from '../signing/index.js';

const NAME = 'audit_key';

export interface ServerKey {
  /** `ed25519:` and base64: what verifiers should know from elsewhere. */
  publicKey: string;
  /** Base64 Ed25519 signature over the UTF-8 text. */
  sign(text: string): string;
}

/** The key that all nodes of one database share, made by whichever needs it first. @throws AppError DATABASE_ERROR */
export async function loadServerKey(db: Queryable): Promise<ServerKey> {
  try {
    const fresh = generateKey().privateKeyPem;
    await db.sql`INSERT INTO server_secrets (name, value) VALUES (${NAME}, ${fresh}) ON CONFLICT (name) DO NOTHING`;
    const [row] = await db.sql<[{ value: string }]>`SELECT value FROM server_secrets WHERE name = ${NAME}`;
    return serverKey(createPrivateKey(row.value));
  } catch (error) {
    throw asDatabaseError(error);
  }
}

export function serverKey(key: KeyObject): ServerKey {
  return {
    publicKey: publicKeyString(key),
    sign: (text) => sign(null, Buffer.from(text, 'utf8'), key).toString('base64'),
  };
}
