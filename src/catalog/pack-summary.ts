/** SQL for operators: how many packs a repository has, and what waits. */
import type { Database } from '../db/index.js';
import type { Graces } from './retired.js';

export interface PackSummary {
  packs: number;
  bytes: number;
  /** Packs that take no part any more and wait for the end of their grace time. */
  waiting: number;
  /** When the time of the first of them is over; undefined when none waits. */
  waitingUntil: Date | undefined;
  /** Objects are collected that former tips of refs reach, once those are old enough: how many tips there are. */
  formerTips: number;
  formerTipsUntil: Date | undefined;
}

/** @param afterSecs how long former tips count as reachable */
export async function summarizePacks(
  db: Database,
  repoId: string,
  afterSecs: number,
  graces: Graces,
): Promise<PackSummary> {
  const [packs] = await db.sql<[Pick<PackSummary, 'packs' | 'bytes' | 'waiting'> & { until: Date | null }]>`
    SELECT count(*) FILTER (WHERE state = 'active')::int AS packs,
      coalesce(sum(bytes) FILTER (WHERE state = 'active'), 0)::float8 AS bytes,
      count(*) FILTER (WHERE state <> 'active')::int AS waiting,
      min(retired_at + make_interval(secs => CASE state WHEN 'condemned' THEN ${graces.condemned}::int ELSE ${graces.superseded}::int END))
        FILTER (WHERE state <> 'active') AS until
    FROM packs WHERE repo_id = ${repoId}`;
  const [tips] = await db.sql<[{ count: number; until: Date | null }]>`
    SELECT count(*)::int AS count, min(left_at) + make_interval(secs => ${afterSecs}) AS until
    FROM former_tips WHERE repo_id = ${repoId}`;
  return {
    packs: packs.packs,
    bytes: packs.bytes,
    waiting: packs.waiting,
    waitingUntil: packs.until ?? undefined,
    formerTips: tips.count,
    formerTipsUntil: tips.until ?? undefined,
  };
}

/** Ids of repositories after a given one, in order. */
export async function repositoryIdsAfter(db: Database, after: string, limit: number): Promise<string[]> {
  const rows = await db.sql<{ repo_id: string }[]>`
    SELECT repo_id FROM repositories WHERE repo_id > ${after} ORDER BY repo_id LIMIT ${limit}`;
  return rows.map((row) => row.repo_id);
}
