/** The secret that all nodes of one database share. */
import { randomBytes } from 'node:crypto';
import { asDatabaseError, type Database } from '../db/index.js';

const NAME = 'git_nonce';

const loaded = new WeakMap<Database, Buffer>();

/**
 * The secret for server nonces, made by whichever node needs it first.
 *
 * @throws AppError DATABASE_ERROR
 */
export async function loadServerSecret(db: Database): Promise<Buffer> {
  const known = loaded.get(db);
  if (known !== undefined) return known;
  try {
    const fresh = randomBytes(32).toString('hex');
    await db.sql`INSERT INTO server_secrets (name, value) VALUES (${NAME}, ${fresh}) ON CONFLICT (name) DO NOTHING`;
    const [row] = await db.sql<[{ value: string }]>`SELECT value FROM server_secrets WHERE name = ${NAME}`;
    const secret = Buffer.from(row.value, 'hex');
    loaded.set(db, secret);
    return secret;
  } catch (error) {
    throw asDatabaseError(error);
  }
}

/** The secret if this process has loaded it already. */
export function loadedServerSecret(db: Database): Buffer | undefined {
  return loaded.get(db);
}
