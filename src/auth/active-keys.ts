/** Keys that an agent may sign with now, for signatures that come inside a request and not around it. */
import { asDatabaseError, type Database } from '../db/index.js';
import { readKey, type SignerKey } from './signer.js';

export interface ActiveKeys {
  /** Oldest first. */
  keys: SignerKey[];
  /** The database's clock, milliseconds since 1970. */
  nowMs: number;
}

/** @throws AppError DATABASE_ERROR */
export async function activeKeys(db: Database, agentId: string): Promise<ActiveKeys> {
  const [row] = await db.sql<[{ nowMs: number; keys: { keyId: string; publicKey: string }[] | null }]>`
    SELECT (extract(epoch FROM now()) * 1000)::float8 AS "nowMs",
      (SELECT json_agg(json_build_object('keyId', key_id, 'publicKey', public_key) ORDER BY created_at, key_id)
        FROM agent_keys WHERE agent_id = ${agentId} AND revoked_at IS NULL) AS keys`.catch((error: unknown) => {
    throw asDatabaseError(error);
  });
  return { keys: (row.keys ?? []).flatMap(readKey), nowMs: row.nowMs };
}
