/** SQL of the trending room. */
import { asDatabaseError, type Queryable, type Tx } from '../db/index.js';
import { WINDOW_HOURS, type Window } from './window.js';

/** Key of the advisory lock under which one node at a time recomputes: the first bytes of "trending". */
const LOCK = 0x7472656e;

/** Takes the lock until the transaction ends, unless another node has it. */
export async function tryLock(tx: Tx): Promise<boolean> {
  const [row] = await tx.sql<[{ locked: boolean }]>`SELECT pg_try_advisory_xact_lock(${LOCK}) AS locked`;
  return row.locked;
}

/** The same, waiting for the other node. */
export async function waitForLock(tx: Tx): Promise<void> {
  await tx.sql`SELECT pg_advisory_xact_lock(${LOCK})`;
}

/** When a window was last computed, and how long ago; undefined when it holds nothing. */
export async function lastComputed(
  db: Queryable,
  window: Window,
): Promise<{ at: Date; secondsAgo: number } | undefined> {
  const [row] = await answer(db.sql<{ at: Date | null; secondsAgo: number }[]>`
    SELECT max(computed_at) AS at, extract(epoch FROM now() - max(computed_at))::float8 AS "secondsAgo"
    FROM repo_trending_scores WHERE "window" = ${window}`);
  return row?.at == null ? undefined : { at: row.at, secondsAgo: row.secondsAgo };
}

/**
 * Replaces the scores of a window. A star's weight falls with its age from 1 to 0.5, grows with its giver's reputation
 * from 0.5 to 1, and is halved when three newer stars on the repository came from one of the giver's clusters.
 * @param at time of the computation
 * @returns how many repositories have a score
 */
export async function replaceScores(tx: Tx, window: Window, at: Date): Promise<number> {
  const hours = WINDOW_HOURS[window];
  await tx.sql`DELETE FROM repo_trending_scores WHERE "window" = ${window}`;
  const rows = await tx.sql`
    WITH young AS (
      SELECT s.repo_id, s.agent_id, s.created_at, coalesce(p.score, 0.5) AS reputation,
        CASE WHEN jsonb_typeof(p.cluster_ids) = 'array' THEN p.cluster_ids ELSE '[]'::jsonb END AS clusters,
        least(greatest(extract(epoch FROM ${at}::timestamptz - s.created_at) / 3600 / ${hours}::int, 0), 1) AS age
      FROM repo_stars s
      JOIN repositories r ON r.repo_id = s.repo_id AND r.visibility = 'public'
      LEFT JOIN reputation p ON p.agent_id = s.agent_id
      WHERE s.created_at > ${at}::timestamptz - make_interval(hours => ${hours}::int)
    ), placed AS (
      SELECT y.repo_id, y.agent_id,
        row_number() OVER (PARTITION BY y.repo_id, c.cluster ORDER BY y.created_at DESC, y.agent_id) AS place
      FROM young y
      CROSS JOIN LATERAL (SELECT DISTINCT jsonb_array_elements_text(y.clusters) AS cluster) c
    ), crowded AS (
      SELECT DISTINCT repo_id, agent_id FROM placed WHERE place > 3
    )
    INSERT INTO repo_trending_scores ("window", repo_id, weighted_score, stars_delta, computed_at)
    SELECT ${window}::trending_window, y.repo_id,
      round(sum((0.5 + 0.5 * y.reputation) * (1 - 0.5 * y.age) * CASE WHEN c.repo_id IS NULL THEN 1.0 ELSE 0.5 END), 4),
      count(*), ${at}::timestamptz
    FROM young y LEFT JOIN crowded c USING (repo_id, agent_id)
    GROUP BY y.repo_id RETURNING 1`;
  return rows.length;
}

export interface TrendingRow {
  repoId: string;
  name: string;
  ownerId: string;
  ownerName: string;
  description: string | null;
  /** Stars of all time, as of now. */
  stars: number;
  /** Stars within the window, as of the computation. */
  starsDelta: number;
  weightedScore: number;
  createdAt: Date;
}

/** The best public repositories of a window. */
export async function findTrending(db: Queryable, window: Window, limit: number): Promise<TrendingRow[]> {
  return answer(db.sql<TrendingRow[]>`
    SELECT r.repo_id AS "repoId", r.name, r.owner_id AS "ownerId", a.agent_name AS "ownerName", r.description,
      coalesce(c.stars, 0) AS stars, t.stars_delta AS "starsDelta", t.weighted_score::float8 AS "weightedScore",
      r.created_at AS "createdAt"
    FROM repo_trending_scores t
    JOIN repositories r ON r.repo_id = t.repo_id AND r.visibility = 'public'
    JOIN agents a ON a.agent_id = r.owner_id
    LEFT JOIN repo_star_counts c ON c.repo_id = r.repo_id
    WHERE t."window" = ${window}
    ORDER BY t.weighted_score DESC, coalesce(c.stars, 0) DESC, r.repo_id LIMIT ${limit}`);
}

async function answer<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw asDatabaseError(error);
  }
}
