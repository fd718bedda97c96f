/** Restores stars and their counts from the audit log. */
import type { Database } from '../db/index.js';

export interface StarRebuild {
  /** Stars that were missing, and stars that nobody gave. */
  restored: number;
  removed: number;
  /** Repositories whose count was wrong. */
  counts: number;
}

/**
 * The stars there are: of every agent and repository that exist, the last word is `star`. Nobody stars meanwhile.
 * @throws AppError DATABASE_ERROR
 */
export async function rebuildStars(db: Database): Promise<StarRebuild> {
  return db.transaction(async (tx) => {
    await tx.sql`LOCK TABLE repo_stars, repo_star_counts IN SHARE ROW EXCLUSIVE MODE`;
    // Collected once; the chain of a repository is what orders its stars.
    await tx.sql`
      CREATE TEMP TABLE said_stars ON COMMIT DROP AS
      SELECT w.* FROM (
        SELECT DISTINCT ON (l.chain_id, l.agent_id) l.chain_id AS repo_id, l.agent_id, l.action, l.timestamp, l.data
        FROM audit_log l WHERE l.action IN ('star', 'unstar') AND l.resource_type = 'repository'
        ORDER BY l.chain_id, l.agent_id, l.seq DESC
      ) w JOIN repositories r ON r.repo_id = w.repo_id JOIN agents a ON a.agent_id = w.agent_id
      WHERE w.action = 'star'`;
    const restored = await tx.sql`
      INSERT INTO repo_stars (repo_id, agent_id, reason, reason_public, created_at)
      SELECT repo_id, agent_id, data->>'reason', coalesce((data->>'reason_public')::boolean, false), timestamp
      FROM said_stars ON CONFLICT (repo_id, agent_id) DO NOTHING`;
    const removed = await tx.sql`
      DELETE FROM repo_stars s WHERE NOT EXISTS (
        SELECT FROM said_stars w WHERE w.repo_id = s.repo_id AND w.agent_id = s.agent_id)`;
    const counts = await tx.sql`
      INSERT INTO repo_star_counts AS c (repo_id, stars)
      SELECT r.repo_id, count(s.agent_id)::int FROM repositories r LEFT JOIN repo_stars s USING (repo_id) GROUP BY r.repo_id
      ON CONFLICT (repo_id) DO UPDATE SET stars = excluded.stars, updated_at = now() WHERE c.stars <> excluded.stars`;
    return { restored: restored.count, removed: removed.count, counts: counts.count };
  });
}
