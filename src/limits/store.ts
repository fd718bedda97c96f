/** SQL of table `rate_limit_buckets`. */
import type { Database, Queryable, Tx } from '../db/index.js';
import type { Charge, Quota } from './quota.js';

type Sql = Queryable['sql'];

/** What {@link chargeSteps} did; times are seconds since 1970. */
export interface ChargeRow {
  /** Counted in the earlier buckets of the window. */
  before: number;
  /** Counted in the current bucket, this call included; null when the call was refused. */
  charged: number | null;
  /** Start of the oldest bucket in the window. */
  oldest: number;
  /** Start of the current bucket. */
  bucket: number;
  now: number;
}

/**
 * The steps (for a WITH clause) that count one call if the window has room for it, and only if `condition` holds. Step
 * `rate_result` has the columns of {@link ChargeRow}, and no row when the condition did not hold.
 *
 * Exact under concurrency: the upsert decides by the newest version of the current bucket, calls that create it wait
 * for each other at its key, and the bucket before it is locked because calls that began there may still be on their way.
 */
export function chargeSteps(sql: Sql, charge: Charge, condition = sql`true`) {
  const { subject, action, limit, windowSecs, bucketSecs } = charge;
  // Losing the counts of the last moment in a crash is harmless, so the charge does not wait for the disk.
  return sql`
    rate_now AS MATERIALIZED (
      SELECT to_timestamp(floor(extract(epoch FROM now()) / ${bucketSecs}::int) * ${bucketSecs}::int) AS bucket,
        set_config('synchronous_commit', 'off', true) AS durability
      WHERE ${condition}
    ), rate_previous AS MATERIALIZED (
      SELECT b.bucket, b.used FROM rate_limit_buckets b
      WHERE b.subject = ${subject} AND b.action = ${action} AND b.bucket < (SELECT bucket FROM rate_now)
        AND b.bucket >= (SELECT bucket FROM rate_now) - make_interval(secs => ${bucketSecs}::int)
        AND b.bucket > (SELECT bucket FROM rate_now) - make_interval(secs => ${windowSecs}::int)
      FOR UPDATE
    ), rate_earlier AS (
      SELECT bucket, used FROM rate_previous
      UNION ALL
      SELECT b.bucket, b.used FROM rate_limit_buckets b
      WHERE b.subject = ${subject} AND b.action = ${action}
        AND b.bucket < (SELECT bucket FROM rate_now) - make_interval(secs => ${bucketSecs}::int)
        AND b.bucket > (SELECT bucket FROM rate_now) - make_interval(secs => ${windowSecs}::int)
    ), rate_before AS MATERIALIZED (
      SELECT n.bucket, coalesce(sum(e.used), 0)::int AS used, min(e.bucket) AS oldest
      FROM rate_now n LEFT JOIN rate_earlier e ON true GROUP BY n.bucket
    ), rate_charge AS (
      INSERT INTO rate_limit_buckets AS b (subject, action, bucket, used)
      SELECT ${subject}, ${action}, p.bucket, 1 FROM rate_before p WHERE p.used < ${limit}::int
      ON CONFLICT (subject, action, bucket) DO UPDATE SET used = b.used + 1
        WHERE b.used + (SELECT used FROM rate_before) < ${limit}::int
      RETURNING used
    ), rate_result AS (
      SELECT p.used AS before, (SELECT used FROM rate_charge) AS charged,
        extract(epoch FROM coalesce(p.oldest, p.bucket))::float8 AS oldest,
        extract(epoch FROM p.bucket)::float8 AS bucket, extract(epoch FROM now())::float8 AS now
      FROM rate_before p
    )`;
}

/** Counts one call. */
export async function insertCharge(db: Database, charge: Charge): Promise<ChargeRow> {
  const [row] = await db.sql<ChargeRow[]>`WITH ${chargeSteps(db.sql, charge)} SELECT * FROM rate_result`;
  if (row === undefined) throw new Error('a charge returned no row');
  return row;
}

/** How many calls the window holds, without counting one. Times are seconds since 1970. */
export async function selectUsed(
  db: Queryable,
  { subject, action, windowSecs, bucketSecs }: Charge,
): Promise<{ used: number; oldest: number; now: number }> {
  const [row] = await db.sql<{ used: number; oldest: number; now: number }[]>`
    SELECT coalesce(sum(used), 0)::int AS used, extract(epoch FROM coalesce(min(bucket), now()))::float8 AS oldest,
      extract(epoch FROM now())::float8 AS now
    FROM rate_limit_buckets WHERE subject = ${subject} AND action = ${action} AND bucket >
      to_timestamp(floor(extract(epoch FROM now()) / ${bucketSecs}::int) * ${bucketSecs}::int)
      - make_interval(secs => ${windowSecs}::int)`;
  if (row === undefined) throw new Error('an aggregate returned no row');
  return row;
}

/** Takes one counted call back. */
export async function deleteCharge(tx: Tx, { subject, action, bucket }: Quota): Promise<void> {
  await tx.sql`
    UPDATE rate_limit_buckets SET used = used - 1
    WHERE subject = ${subject} AND action = ${action} AND bucket = to_timestamp(${bucket}::float8) AND used > 0`;
}

/** Deletes buckets that no window reaches any more. @returns how many went */
export async function deleteOldBuckets(db: Queryable, windowSecs: number): Promise<number> {
  const rows = await db.sql`
    DELETE FROM rate_limit_buckets WHERE bucket < now() - make_interval(secs => ${windowSecs}::int)`;
  return rows.count;
}
