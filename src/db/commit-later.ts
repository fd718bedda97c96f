/** For what may be lost (PostgreSQL manual, "Asynchronous Commit"). */
import type postgres from 'postgres';

/**
 * An expression to select or return: the transaction that evaluates it is then committed without waiting for the disk.
 * Should the database crash within the second after, it may be as if the transaction had never been, all of it; what
 * later commits wait for is never lost before it.
 */
export function commitLater({ sql }: { sql: postgres.ISql<{ int8: number }> }) {
  return sql`set_config('synchronous_commit', 'off', true)`;
}
