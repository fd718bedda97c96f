/** SQL of the stars room. The count moves in the statement that adds or removes a star, so the two cannot drift apart. */

import { eq } from 'drizzle-orm';
import { agents, asDatabaseError, type Queryable, type Tx } from '../db/index.js';
import { isStorable } from '../routing/index.js';
import type { StarInput } from './schemas.js';

/** Whose star on what, with the signature that says so. */
export interface Giver {
  repoId: string;
  agentId: string;
  nonce: string;
  signature: string;
}

/** Adds a star. @returns the new count, undefined when the agent has one already */
export async function insertStar(
  tx: Tx,
  giver: Giver,
  { reason, reasonPublic }: StarInput,
): Promise<number | undefined> {
  const { repoId, agentId, nonce, signature } = giver;
  const [row] = await tx.sql<{ stars: number }[]>`
    WITH star AS (
      INSERT INTO repo_stars (repo_id, agent_id, reason, reason_public)
      VALUES (${repoId}, ${agentId}, ${reason}, ${reasonPublic})
      ON CONFLICT (repo_id, agent_id) DO NOTHING RETURNING repo_id, agent_id
    ), event AS (
      INSERT INTO star_events (repo_id, agent_id, action, nonce, signature)
      SELECT repo_id, agent_id, 'star', ${nonce}, ${signature} FROM star
    )
    INSERT INTO repo_star_counts AS c (repo_id, stars) SELECT repo_id, 1 FROM star
    ON CONFLICT (repo_id) DO UPDATE SET stars = c.stars + 1, updated_at = now()
    RETURNING stars`;
  return row?.stars;
}

/** Removes a star. @returns the new count, undefined when there was none */
export async function deleteStar(tx: Tx, giver: Giver): Promise<number | undefined> {
  const { repoId, agentId, nonce, signature } = giver;
  // A count that is wrong already must not keep anybody from taking a star back.
  const [row] = await tx.sql<{ stars: number }[]>`
    WITH star AS (
      DELETE FROM repo_stars WHERE repo_id = ${repoId} AND agent_id = ${agentId} RETURNING repo_id, agent_id
    ), event AS (
      INSERT INTO star_events (repo_id, agent_id, action, nonce, signature)
      SELECT repo_id, agent_id, 'unstar', ${nonce}, ${signature} FROM star
    )
    INSERT INTO repo_star_counts AS c (repo_id, stars) SELECT repo_id, 0 FROM star
    ON CONFLICT (repo_id) DO UPDATE SET stars = greatest(c.stars - 1, 0), updated_at = now()
    RETURNING stars`;
  return row?.stars;
}

/** When the agent starred the repository, undefined when it has not. */
export async function findStarTime(db: Queryable, repoId: string, agentId: string): Promise<Date | undefined> {
  const [row] = await db.sql<{ at: Date }[]>`
    SELECT created_at AS at FROM repo_stars WHERE repo_id = ${repoId} AND agent_id = ${agentId}`;
  return row?.at;
}

export interface Starrer {
  agentId: string;
  agentName: string;
  reputationScore: number;
  /** Null unless public. */
  reason: string | null;
  starredAt: Date;
}

/** Who starred a repository, newest first. */
export async function findStarrers(
  db: Queryable,
  repoId: string,
  { perPage, offset }: { perPage: number; offset: number },
): Promise<Starrer[]> {
  return answer(db.sql<Starrer[]>`
    SELECT s.agent_id AS "agentId", a.agent_name AS "agentName", coalesce(p.score, 0.5)::float8 AS "reputationScore",
      CASE WHEN s.reason_public THEN s.reason END AS reason, s.created_at AS "starredAt"
    FROM repo_stars s
    JOIN agents a ON a.agent_id = s.agent_id
    LEFT JOIN reputation p ON p.agent_id = s.agent_id
    WHERE s.repo_id = ${repoId}
    ORDER BY s.created_at DESC, s.agent_id LIMIT ${perPage} OFFSET ${offset}`);
}

/** Ids of the public repositories that an agent starred, newest star first. */
export async function findStarredIds(
  db: Queryable,
  agentId: string,
  { perPage, offset }: { perPage: number; offset: number },
): Promise<string[]> {
  const rows = await answer(db.sql<{ repo_id: string }[]>`
    SELECT s.repo_id FROM repo_stars s JOIN repositories r ON r.repo_id = s.repo_id AND r.visibility = 'public'
    WHERE s.agent_id = ${agentId} ORDER BY s.created_at DESC, s.repo_id LIMIT ${perPage} OFFSET ${offset}`);
  return rows.map((row) => row.repo_id);
}

export async function agentExists(db: Queryable, agentId: string): Promise<boolean> {
  if (!isStorable(agentId)) return false;
  return (await db.orm.$count(agents, eq(agents.agentId, agentId))) > 0;
}

async function answer<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
