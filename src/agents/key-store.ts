/** SQL for the keys of an agent. */
import { and, asc, eq, isNull } from 'drizzle-orm';
import { agentKeys, agents, type Queryable, type Tx } from '../db/index.js';
import { isStorable } from '../routing/index.js';

export interface AgentKey {
  keyId: string;
  type: string;
  publicKey: string;
  createdAt: Date;
  /** Null while the key may sign. */
  revokedAt: Date | null;
}

const COLUMNS = {
  keyId: agentKeys.keyId,
  type: agentKeys.keyType,
  publicKey: agentKeys.publicKey,
  createdAt: agentKeys.createdAt,
  revokedAt: agentKeys.revokedAt,
};

/** Every key the agent ever had, oldest first; undefined = no such agent. */
export async function findKeys(db: Queryable, agentId: string): Promise<AgentKey[] | undefined> {
  if (!isStorable(agentId)) return undefined;
  const rows = await db.orm
    .select({ key: COLUMNS })
    .from(agents)
    .leftJoin(agentKeys, eq(agentKeys.agentId, agents.agentId))
    .where(eq(agents.agentId, agentId))
    .orderBy(asc(agentKeys.createdAt), asc(agentKeys.keyId));
  if (rows.length === 0) return undefined;
  return rows.flatMap(({ key }) => (key === null ? [] : [key]));
}

/** Locks the agent's keys until the transaction ends, so that two revocations cannot both spare "the other key". */
export async function lockKeys(tx: Tx, agentId: string): Promise<AgentKey[]> {
  return tx.orm
    .select(COLUMNS)
    .from(agentKeys)
    .where(eq(agentKeys.agentId, agentId))
    .orderBy(asc(agentKeys.keyId))
    .for('update');
}

export async function countActiveKeys(tx: Tx, agentId: string): Promise<number> {
  return tx.orm.$count(agentKeys, and(eq(agentKeys.agentId, agentId), isNull(agentKeys.revokedAt)));
}

/** Fails on the unique fingerprint, also when the equal key is revoked. */
export async function insertKey(
  tx: Tx,
  row: { keyId: string; agentId: string; publicKey: string; keyType: string; fingerprint: string },
): Promise<AgentKey> {
  const [created] = await tx.orm.insert(agentKeys).values(row).returning(COLUMNS);
  if (created === undefined) throw new Error('an insert returned no row');
  return created;
}

export async function markRevoked(tx: Tx, keyId: string): Promise<Date> {
  const revokedAt = await tx.now();
  await tx.orm.update(agentKeys).set({ revokedAt }).where(eq(agentKeys.keyId, keyId));
  return revokedAt;
}
