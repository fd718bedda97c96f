/** SQL of the agents room, keys aside. */
import { asc, eq, sql } from 'drizzle-orm';
import { agentKeys, agents, asDatabaseError, type Queryable, reputation, type Tx } from '../db/index.js';
import { isStorable } from '../routing/index.js';

export interface Agent {
  agentId: string;
  agentName: string;
  capabilities: string[];
  createdAt: Date;
}

export interface NewAgent {
  agentId: string;
  agentName: string;
  publicKey: string;
  capabilities: string[];
  key: { keyId: string; type: string; fingerprint: string };
}

const COLUMNS = {
  agentId: agents.agentId,
  agentName: agents.agentName,
  capabilities: agents.capabilities,
  createdAt: agents.createdAt,
};

/** The agent, its first key and its reputation. Fails on the unique name. */
export async function insertAgent(tx: Tx, { key, ...agent }: NewAgent): Promise<Date> {
  const [created] = await tx.orm.insert(agents).values(agent).returning({ createdAt: agents.createdAt });
  if (created === undefined) throw new Error('an insert returned no row');
  const { agentId, publicKey } = agent;
  await Promise.all([
    tx.orm
      .insert(agentKeys)
      .values({ keyId: key.keyId, agentId, publicKey, keyType: key.type, fingerprint: key.fingerprint }),
    tx.orm.insert(reputation).values({ agentId }),
  ]);
  return created.createdAt;
}

export async function findAgent(db: Queryable, agentId: string): Promise<Agent | undefined> {
  if (!isStorable(agentId)) return undefined;
  const [row] = await db.sql<Agent[]>`
    SELECT agent_id AS "agentId", agent_name AS "agentName", capabilities, created_at AS "createdAt"
    FROM agents WHERE agent_id = ${agentId}`.catch((error: unknown) => {
    throw asDatabaseError(error);
  });
  return row;
}

/** `score` is a decimal from 0 to 1. */
export async function findReputation(
  db: Queryable,
  agentId: string,
): Promise<{ score: string; updatedAt: Date } | undefined> {
  if (!isStorable(agentId)) return undefined;
  const rows = await db.orm
    .select({ score: reputation.score, updatedAt: reputation.updatedAt })
    .from(reputation)
    .where(eq(reputation.agentId, agentId));
  return rows[0];
}

/** Agents whose name contains `search`, ignoring case, in name order, and how many there are in all. */
export async function searchAgents(
  db: Queryable,
  search: string,
  { perPage, offset }: { perPage: number; offset: number },
): Promise<{ rows: Agent[]; total: number }> {
  const matches = search === '' ? undefined : sql`strpos(lower(${agents.agentName}), lower(${search})) > 0`;
  const [rows, total] = await Promise.all([
    db.orm.select(COLUMNS).from(agents).where(matches).orderBy(asc(agents.agentName)).limit(perPage).offset(offset),
    db.orm.$count(agents, matches),
  ]);
  return { rows, total };
}
