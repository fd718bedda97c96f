/** A chain as it is stored, for the check that needs no database. */
import { asc } from 'drizzle-orm';
import { asDatabaseError, auditChains, type Queryable } from '../db/index.js';
import type { ChainLink, ChainRow } from './verify.js';

/** Rows of a chain in order, `limit` after position `after`. @throws AppError DATABASE_ERROR */
export async function readChain(db: Queryable, chainId: string, after: number, limit: number): Promise<ChainRow[]> {
  try {
    return await db.sql<ChainRow[]>`
      SELECT event_id AS "eventId", agent_id AS "agentId", action, resource_type AS "resourceType",
        resource_id AS "resourceId", data, timestamp, signature, key_id AS "keyId", envelope, chain_id AS "chainId",
        seq, event_hash AS "eventHash", chain_hash AS "chainHash"
      FROM audit_log WHERE chain_id = ${chainId} AND seq > ${after} ORDER BY seq LIMIT ${limit}`;
  } catch (error) {
    throw asDatabaseError(error);
  }
}

/** Every chain and its last link, by id. @throws AppError DATABASE_ERROR */
export async function readChainHeads(db: Queryable): Promise<(ChainLink & { chainId: string })[]> {
  try {
    return await db.orm.select().from(auditChains).orderBy(asc(auditChains.chainId));
  } catch (error) {
    throw asDatabaseError(error);
  }
}
