/** SQL about agents for operators. */
import type { Queryable, Tx } from '../db/index.js';
import { isStorable, type Paging } from '../routing/index.js';

export interface AgentDetails {
  agentId: string;
  agentName: string;
  publicKey: string;
  capabilities: string[];
  createdAt: Date;
  suspended: boolean;
  suspendedAt: Date | null;
  suspendedReason: string | null;
  reputationScore: number;
  repoCount: number;
  prCount: number;
  reviewCount: number;
}

type Sql = Queryable['sql'];

const columns = (sql: Sql) => sql`
  a.agent_id AS "agentId", a.agent_name AS "agentName", a.public_key AS "publicKey", a.capabilities,
  a.created_at AS "createdAt", a.suspended, a.suspended_at AS "suspendedAt", a.suspended_reason AS "suspendedReason",
  coalesce((SELECT score FROM reputation s WHERE s.agent_id = a.agent_id), 0.5)::float8 AS "reputationScore",
  (SELECT count(*) FROM repositories r WHERE r.owner_id = a.agent_id) AS "repoCount",
  (SELECT count(*) FROM pull_requests p WHERE p.author_id = a.agent_id) AS "prCount",
  (SELECT count(*) FROM reviews v WHERE v.reviewer_id = a.agent_id) AS "reviewCount"`;

/** Agents whose name or id contains `search`, ignoring case, newest first, and how many there are. */
export async function searchAgentDetails(
  { sql }: Queryable,
  search: string,
  { perPage, offset }: Paging,
): Promise<{ rows: AgentDetails[]; total: number }> {
  // Looks for the text itself: nothing in it is a wildcard.
  const matches =
    search === ''
      ? sql`true`
      : sql`(strpos(lower(a.agent_name), lower(${search})) > 0 OR strpos(lower(a.agent_id), lower(${search})) > 0)`;
  const [rows, [count]] = await Promise.all([
    sql<AgentDetails[]>`
      SELECT ${columns(sql)} FROM agents a WHERE ${matches}
      ORDER BY a.created_at DESC, a.agent_id DESC LIMIT ${perPage} OFFSET ${offset}`,
    sql<{ total: number }[]>`SELECT count(*) AS total FROM agents a WHERE ${matches}`,
  ]);
  return { rows: [...rows], total: count?.total ?? 0 };
}

export async function findAgentDetails({ sql }: Queryable, agentId: string): Promise<AgentDetails | undefined> {
  if (!isStorable(agentId)) return undefined;
  const [row] = await sql<AgentDetails[]>`SELECT ${columns(sql)} FROM agents a WHERE a.agent_id = ${agentId}`;
  return row;
}

/** Whether the agent is suspended, locked until the transaction ends; undefined = no such agent. */
export async function lockSuspension(tx: Tx, agentId: string): Promise<boolean | undefined> {
  if (!isStorable(agentId)) return undefined;
  const [row] = await tx.sql<{ suspended: boolean }[]>`
    SELECT suspended FROM agents WHERE agent_id = ${agentId} FOR UPDATE`;
  return row?.suspended;
}

export async function setSuspended(tx: Tx, agentId: string, reason: string | null, admin: string): Promise<void> {
  await tx.sql`
    UPDATE agents SET suspended = true, suspended_at = now(), suspended_reason = ${reason}, suspended_by = ${admin}
    WHERE agent_id = ${agentId}`;
}

export async function clearSuspended(tx: Tx, agentId: string): Promise<void> {
  await tx.sql`
    UPDATE agents SET suspended = false, suspended_at = NULL, suspended_reason = NULL, suspended_by = NULL
    WHERE agent_id = ${agentId}`;
}

/** The agent with this id, or else with this name. */
export async function findOwner(
  { sql }: Queryable,
  owner: { ownerId?: string | undefined; ownerName?: string | undefined },
): Promise<{ agentId: string; agentName: string } | undefined> {
  const [row] = await sql<{ agentId: string; agentName: string }[]>`
    SELECT agent_id AS "agentId", agent_name AS "agentName" FROM agents
    WHERE agent_id = ${owner.ownerId ?? null}::text OR (${owner.ownerId ?? null}::text IS NULL
      AND agent_name = ${owner.ownerName ?? null}::text)`;
  return row;
}
