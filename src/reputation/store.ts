/** SQL of the reputation room. */
import { GLOBAL_CHAIN } from '../audit/index.js';
import type { Tx } from '../db/index.js';
import type { SourceEvent } from './rules.js';

/** Scores in thousandths. */
export interface Scored {
  agentId: string;
  score: number;
}

/**
 * The scores of those agents that exist, locked until the transaction ends; in the order of their ids, so that two
 * transactions never wait for each other. An agent without a score gets the initial one.
 */
export async function lockScores(tx: Tx, agentIds: readonly string[]): Promise<Scored[]> {
  const ids = [...agentIds];
  await tx.sql`
    INSERT INTO reputation (agent_id) SELECT agent_id FROM agents WHERE agent_id = ANY(${ids}::text[])
    ORDER BY agent_id ON CONFLICT (agent_id) DO NOTHING`;
  return tx.sql<Scored[]>`
    SELECT agent_id AS "agentId", (score * 1000)::int AS score FROM reputation
    WHERE agent_id = ANY(${ids}::text[]) ORDER BY agent_id FOR UPDATE`;
}

export async function updateScore(tx: Tx, { agentId, score }: Scored): Promise<void> {
  await tx.sql`
    UPDATE reputation SET score = ${score}::int / 1000.0, updated_at = now() WHERE agent_id = ${agentId}`;
}

/** Agents of these whose score an event has changed already; call it after {@link lockScores}. */
export async function alreadyChangedBy(tx: Tx, eventId: string, agentIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx.sql<{ id: string }[]>`
    SELECT resource_id AS id FROM audit_log
    WHERE resource_type = 'reputation' AND resource_id = ANY(${[...agentIds]}::text[])
      AND action = 'reputation_update' AND data->>'source_event_id' = ${eventId}`;
  return new Set(rows.map(({ id }) => id));
}

/** A pull request that was merged, as its audit event recorded it. */
export interface MergedPull {
  prId: string;
  mergeCommitOid: string;
  data: Record<string, unknown>;
}

/** Pull requests of the repository that were merged as one of these commits, locked; without those already reverted. */
export async function lockUnreverted(tx: Tx, repoId: string, oids: readonly string[]): Promise<MergedPull[]> {
  // Two statements: the second one must see what committed while the first waited for the lock.
  const pulls = await tx.sql<{ prId: string; mergeCommitOid: string }[]>`
    SELECT pr_id AS "prId", merge_commit_oid AS "mergeCommitOid" FROM pull_requests
    WHERE repo_id = ${repoId} AND merge_commit_oid = ANY(${[...oids]}::text[]) ORDER BY pr_id FOR NO KEY UPDATE`;
  const events = await tx.sql<{ prId: string; data: Record<string, unknown> }[]>`
    SELECT m.resource_id AS "prId", m.data FROM audit_log m
    WHERE m.resource_type = 'pull_request' AND m.resource_id = ANY(${pulls.map(({ prId }) => prId)}::text[])
      AND m.action = 'pr_merge' AND NOT EXISTS (
        SELECT FROM audit_log r
        WHERE r.resource_type = 'pull_request' AND r.resource_id = m.resource_id AND r.action = 'pr_reverted')`;
  const data = new Map(events.map((event) => [event.prId, event.data]));
  return pulls.flatMap((pull) => {
    const found = data.get(pull.prId);
    return found === undefined ? [] : [{ ...pull, data: found }];
  });
}

/** Head of the source branch of a pull request, undefined when it is unknown. */
export async function findHead(tx: Pick<Tx, 'sql'>, prId: string): Promise<string | undefined> {
  const [row] = await tx.sql<{ head: string | null }[]>`
    SELECT head_oid AS head FROM pull_requests WHERE pr_id = ${prId}`;
  return row?.head ?? undefined;
}

/** Every score, and nobody else changes one until the transaction ends; agents without one get the initial one. */
export async function lockAllScores(tx: Tx): Promise<Scored[]> {
  await tx.sql`LOCK TABLE reputation IN EXCLUSIVE MODE`;
  await tx.sql`INSERT INTO reputation (agent_id) SELECT agent_id FROM agents ON CONFLICT (agent_id) DO NOTHING`;
  return tx.sql<Scored[]>`SELECT agent_id AS "agentId", (score * 1000)::int AS score FROM reputation`;
}

/** A recorded change of a score with the event that it follows from. */
export interface Update {
  /** Place in the chain that holds all of them. */
  seq: number;
  agentId: string;
  delta: number;
  reason: string;
  source: SourceEvent | null;
}

/** Recorded changes in order, `limit` behind place `after`. They are about no repository, so one chain has them all. */
export async function readUpdates(tx: Tx, after: number, limit: number): Promise<Update[]> {
  return tx.sql<Update[]>`
    SELECT u.seq, u.resource_id AS "agentId", (u.data->>'delta')::float8 AS delta, u.data->>'reason' AS reason,
      CASE WHEN s.event_id IS NULL THEN NULL ELSE jsonb_build_object(
        'action', s.action, 'resourceType', s.resource_type, 'resourceId', s.resource_id, 'data', s.data) END AS source
    FROM audit_log u LEFT JOIN audit_log s ON s.event_id = (u.data->>'source_event_id')::uuid
    WHERE u.chain_id = ${GLOBAL_CHAIN} AND u.action = 'reputation_update' AND u.seq > ${after}
    ORDER BY u.seq LIMIT ${limit}`;
}

export async function resetScores(tx: Tx, scores: readonly Scored[]): Promise<void> {
  for (const score of scores) await updateScore(tx, score);
}
