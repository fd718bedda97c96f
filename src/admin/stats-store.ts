import type { Queryable } from '../db/index.js';

type Counted =
  | 'agents'
  | 'suspended'
  | 'repos'
  | 'stars'
  | 'open'
  | 'merged'
  | 'closed'
  | 'pending'
  | 'running'
  | 'passed'
  | 'failed';

/** All counters in one statement, so that they belong together. */
export async function countEverything({ sql }: Queryable): Promise<Record<Counted, number>> {
  const [row] = await sql<Record<Counted, number>[]>`
    SELECT a.*, r.*, s.*, p.*, c.* FROM
      (SELECT count(*) AS agents, count(*) FILTER (WHERE suspended) AS suspended FROM agents) a,
      (SELECT count(*) AS repos FROM repositories) r,
      (SELECT coalesce(sum(stars), 0)::int8 AS stars FROM repo_star_counts) s,
      (SELECT count(*) FILTER (WHERE status = 'open') AS open, count(*) FILTER (WHERE status = 'merged') AS merged,
        count(*) FILTER (WHERE status = 'closed') AS closed FROM pull_requests) p,
      (SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
        count(*) FILTER (WHERE status = 'running') AS running, count(*) FILTER (WHERE status = 'passed') AS passed,
        count(*) FILTER (WHERE status IN ('failed', 'cancelled', 'timed_out')) AS failed FROM ci_runs) c`;
  if (row === undefined) throw new Error('an aggregate returned no row');
  return row;
}
