/** Finds and corrects star counters that do not say how many stars there are. */
import { asDatabaseError, type Queryable, type Tx } from '../db/index.js';

export interface WrongCount {
  repoId: string;
  /** What the counter says. */
  counted: number;
  /** How many stars there are. */
  stars: number;
}

/** Star and counter move in one transaction, so what one statement sees of both must agree. */
export async function findWrongCounts(
  db: Queryable,
  limit: number,
): Promise<{ wrong: WrongCount[]; repositories: number }> {
  try {
    const wrong = await db.sql<WrongCount[]>`
      SELECT r.repo_id AS "repoId", coalesce(c.stars, 0) AS counted, coalesce(s.stars, 0) AS stars
      FROM repositories r LEFT JOIN repo_star_counts c USING (repo_id)
      LEFT JOIN (SELECT repo_id, count(*)::int AS stars FROM repo_stars GROUP BY repo_id) s USING (repo_id)
      WHERE coalesce(c.stars, 0) <> coalesce(s.stars, 0) ORDER BY r.repo_id LIMIT ${limit}`;
    const [row] = await db.sql<[{ count: number }]>`SELECT count(*) AS count FROM repositories`;
    return { wrong: [...wrong], repositories: row.count };
  } catch (error) {
    throw asDatabaseError(error);
  }
}

/** Counts the stars of a repository anew. @returns false when the counter was right */
export async function correctCount(tx: Tx, repoId: string): Promise<boolean> {
  // Whoever stars meanwhile waits for this row, or is waited for and counted.
  await tx.sql`
    INSERT INTO repo_star_counts (repo_id, stars) SELECT repo_id, 0 FROM repositories WHERE repo_id = ${repoId}
    ON CONFLICT (repo_id) DO NOTHING`;
  await tx.sql`SELECT 1 FROM repo_star_counts WHERE repo_id = ${repoId} FOR UPDATE`;
  const { count } = await tx.sql`
    UPDATE repo_star_counts c SET stars = s.stars, updated_at = now()
    FROM (SELECT count(*)::int AS stars FROM repo_stars WHERE repo_id = ${repoId}) s
    WHERE c.repo_id = ${repoId} AND c.stars <> s.stars`;
  return count > 0;
}
