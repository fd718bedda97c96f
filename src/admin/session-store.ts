/** SQL of tables `admin_sessions` and `admin_login_failures`. */
import type { Queryable, Tx } from '../db/index.js';

/** Life of a session, hours. */
export const SESSION_HOURS = 24;

/** Wrong passwords from one address that cost no time; after that each doubles the pause before the next try. */
export const FREE_FAILURES = 5;
const LONGEST_PAUSE_SECS = 900;

/** Expired sessions are kept so long that their owner is told why; failures so long that a patient guesser pays. */
const KEEP_HOURS = 24;

export async function insertSession(tx: Tx, tokenHash: string, username: string): Promise<Date> {
  const [row] = await tx.sql<{ expiresAt: Date }[]>`
    INSERT INTO admin_sessions (token_hash, username, expires_at)
    VALUES (${tokenHash}, ${username}, now() + make_interval(hours => ${SESSION_HOURS}))
    RETURNING expires_at AS "expiresAt"`;
  if (row === undefined) throw new Error('an insert returned no row');
  return row.expiresAt;
}

export async function findSession(
  db: Queryable,
  tokenHash: string,
): Promise<{ username: string; expired: boolean } | undefined> {
  const [row] = await db.sql<{ username: string; expired: boolean }[]>`
    SELECT username, expires_at <= now() AS expired FROM admin_sessions WHERE token_hash = ${tokenHash}`;
  return row;
}

/** @returns whether there was one */
export async function deleteSession(tx: Tx, tokenHash: string): Promise<boolean> {
  const rows = await tx.sql`DELETE FROM admin_sessions WHERE token_hash = ${tokenHash}`;
  return rows.count === 1;
}

/**
 * Counts an attempt as failed before the password is looked at, unless the address has to wait: guesses made at the
 * same moment on several nodes cannot all slip in before the first failure is counted.
 * @returns seconds to wait; 0 = the attempt may go on
 */
export async function takeAttempt(db: Queryable, client: string): Promise<number> {
  const { sql } = db;
  const pause = sql`make_interval(secs => CASE WHEN f.failures < ${FREE_FAILURES}::int THEN 0
    ELSE least(power(2, least(f.failures - ${FREE_FAILURES}::int, 20)), ${LONGEST_PAUSE_SECS}::int) END)`;
  const taken = await sql`
    INSERT INTO admin_login_failures AS f (client_ip, failures, last_at) VALUES (${client}, 1, now())
    ON CONFLICT (client_ip) DO UPDATE SET last_at = clock_timestamp(),
      failures = CASE WHEN f.last_at < now() - make_interval(hours => ${KEEP_HOURS}::int) THEN 1 ELSE f.failures + 1 END
    WHERE f.last_at + ${pause} <= clock_timestamp()`;
  if (taken.count === 1) return 0;
  const [row] = await sql<{ wait: number }[]>`
    SELECT extract(epoch FROM f.last_at + ${pause} - clock_timestamp())::float8 AS wait
    FROM admin_login_failures f WHERE f.client_ip = ${client}`;
  return Math.max(1, Math.ceil(row?.wait ?? 1));
}

export async function forgetFailures(tx: Tx, client: string): Promise<void> {
  await tx.sql`DELETE FROM admin_login_failures WHERE client_ip = ${client}`;
}

/** @returns how many rows went */
export async function deleteOldSessions(db: Queryable): Promise<number> {
  const sessions = await db.sql`
    DELETE FROM admin_sessions WHERE expires_at < now() - make_interval(hours => ${KEEP_HOURS})`;
  const failures = await db.sql`
    DELETE FROM admin_login_failures WHERE last_at < now() - make_interval(hours => ${KEEP_HOURS})`;
  return sessions.count + failures.count;
}
