/** SQL of packs that are no longer active, and of what they alone hold. */
import type { Database, PackState, Tx } from '../db/index.js';
import { ABANDONED_AFTER_HOURS } from './removal.js';
import { looseLock, type PackVersions } from './store.js';

/** How long packs stay after they were retired, seconds. */
export interface Graces {
  superseded: number;
  condemned: number;
}

/** Packs moved on in one statement. */
const BATCH = 1000;

/**
 * Moves merged packs whose time is over to `staged_packs`, as files without use; the clean-up of those removes them.
 * Packs that forks read stay. Repositories that objects were collected from are left out: there more must be looked at.
 * @returns how many
 */
export async function noteRetired(db: Database, graceSecs: number): Promise<number> {
  const { count } = await db.sql`
    WITH due AS (
      SELECT p.repo_id, p.hash FROM packs p JOIN repositories r USING (repo_id)
      WHERE p.state = 'superseded' AND p.retired_at <= now() - make_interval(secs => ${graceSecs})
        AND r.collected_version = 0
        AND NOT EXISTS (SELECT 1 FROM packs f WHERE f.stored_in = p.repo_id AND f.hash = p.hash)
      LIMIT ${BATCH} FOR UPDATE OF p SKIP LOCKED),
    gone AS (DELETE FROM packs p USING due WHERE p.repo_id = due.repo_id AND p.hash = due.hash RETURNING p.repo_id, p.hash)
    INSERT INTO staged_packs (repo_id, hash, started_at, loose) SELECT repo_id, hash, 'epoch', '' FROM gone
    ON CONFLICT (repo_id, hash) DO NOTHING`;
  return count;
}

/** The same for one pack. @returns false when it is active again or a fork reads it */
export async function noteOneRetired(tx: Tx, repoId: string, hash: string): Promise<boolean> {
  const { count } = await tx.sql`
    DELETE FROM packs p WHERE p.repo_id = ${repoId} AND p.hash = ${hash} AND p.state <> 'active'
      AND NOT EXISTS (SELECT 1 FROM packs f WHERE f.stored_in = p.repo_id AND f.hash = p.hash)`;
  if (count === 0) return false;
  await tx.sql`
    INSERT INTO staged_packs (repo_id, hash, started_at, loose) VALUES (${repoId}, ${hash}, 'epoch', '')
    ON CONFLICT (repo_id, hash) DO NOTHING`;
  return true;
}

export interface RetiredPack {
  hash: string;
  state: PackState;
  objects: number;
}

/** Retired packs of a repository whose time is over and that no fork reads, oldest first. */
export async function dueRetired(db: Database, repoId: string, graces: Graces): Promise<RetiredPack[]> {
  const rows = await db.sql<RetiredPack[]>`
    SELECT p.hash, p.state, p.objects FROM packs p WHERE p.repo_id = ${repoId} AND p.state <> 'active'
      AND p.retired_at <= now() - make_interval(secs => CASE p.state WHEN 'condemned' THEN ${graces.condemned}::int ELSE ${graces.superseded}::int END)
      AND NOT EXISTS (SELECT 1 FROM packs f WHERE f.stored_in = p.repo_id AND f.hash = p.hash)
    ORDER BY p.retired_at, p.seq, p.part`;
  return [...rows];
}

/** A repository that something is to be collected from now: former tips or retired packs are old enough. */
export async function claimCollection(
  db: Database,
  leaseSecs: number,
  afterSecs: number,
  graces: Graces,
): Promise<string | undefined> {
  const rows = await db.sql<{ repo_id: string }[]>`
    INSERT INTO pack_maintenance AS m (repo_id, locked_until)
    SELECT due.repo_id, now() + make_interval(secs => ${leaseSecs}) FROM (
      SELECT repo_id FROM former_tips WHERE left_at <= now() - make_interval(secs => ${afterSecs})
      UNION
      SELECT p.repo_id FROM packs p JOIN repositories r USING (repo_id)
      WHERE r.collected_version > 0 AND p.state <> 'active' AND p.retired_at IS NOT NULL
        AND p.retired_at <= now() - make_interval(secs => CASE p.state WHEN 'condemned' THEN ${graces.condemned}::int ELSE ${graces.superseded}::int END)
        AND NOT EXISTS (SELECT 1 FROM packs f WHERE f.stored_in = p.repo_id AND f.hash = p.hash)) AS due
    LEFT JOIN pack_maintenance x USING (repo_id)
    WHERE x.locked_until IS NULL OR x.locked_until < now() LIMIT 1
    ON CONFLICT (repo_id) DO UPDATE SET locked_until = excluded.locked_until
      WHERE m.locked_until IS NULL OR m.locked_until < now()
    RETURNING repo_id`;
  return rows[0]?.repo_id;
}

/**
 * Makes a condemned pack active again, at its old place: something that is in use needs it.
 * @returns the versions of the repository then
 */
export async function reinstatePack(tx: Tx, repoId: string, hash: string): Promise<PackVersions | undefined> {
  const [versions] = await tx.sql<PackVersions[]>`
    UPDATE repositories SET packs_version = packs_version + 1, collected_version = collected_version + 1
    WHERE repo_id = ${repoId} RETURNING packs_version AS packs, collected_version AS collected`;
  await tx.sql`
    UPDATE packs SET state = 'active', retired_at = NULL WHERE repo_id = ${repoId} AND hash = ${hash} AND state = 'condemned'`;
  return versions;
}

/** Where the packs of a repository and those that forks read from its prefix lie, whatever their state. */
export async function allPacks(
  db: Pick<Database, 'sql'> | Tx,
  repoId: string,
): Promise<{ hash: string; storedIn: string }[]> {
  const rows = await db.sql<{ hash: string; storedIn: string }[]>`
    SELECT DISTINCT hash, coalesce(stored_in, repo_id) AS "storedIn" FROM packs
    WHERE repo_id = ${repoId} OR stored_in = ${repoId}`;
  return [...rows];
}

/**
 * Keeps pushes from beginning to write loose objects of the repository until the transaction ends. Whoever stored a pack
 * before has committed it, and {@link allPacks}, asked afterwards, tells of it, or this does.
 * @param oids 20 bytes each
 * @returns the positions of those that a push may be writing now; undefined when that cannot be known
 */
export async function holdLoose(tx: Tx, repoId: string, oids: Uint8Array): Promise<Set<number> | undefined> {
  await tx.sql`SELECT pg_advisory_xact_lock(${looseLock(repoId)}::int8)`;
  const rows = await tx.sql<{ place: number | null }[]>`
    WITH writing AS (
      SELECT loose FROM staged_packs WHERE repo_id = ${repoId} AND length(hash) = 40
        AND started_at > now() - make_interval(hours => ${ABANDONED_AFTER_HOURS})),
    asked AS (
      SELECT (at - 1) / 20 AS place, substring(${oids}::bytea FROM at FOR 20) AS oid
        FROM generate_series(1, length(${oids}::bytea), 20) AS at),
    held AS (
      SELECT DISTINCT substring(loose FROM at FOR 20) AS oid
        FROM writing, generate_series(1, length(loose), 20) AS at)
    SELECT place FROM asked JOIN held USING (oid)
    UNION ALL SELECT NULL FROM writing WHERE loose IS NULL`;
  const places = new Set<number>();
  for (const { place } of rows) {
    if (place === null) return undefined;
    places.add(place);
  }
  return places;
}

/** Forgets former tips by their numbers, after what only they reached was collected. */
export async function deleteFormerTips(db: Database, repoId: string, ids: readonly number[]): Promise<void> {
  await db.sql`DELETE FROM former_tips WHERE repo_id = ${repoId} AND id::text = ANY(${ids.map(String)}::text[])`;
}
