/** SQL of compaction and collection: who works on which repository, and the exchange of packs. */
import type { Database, Tx } from '../db/index.js';
import type { Pause } from './choose-run.js';
import type { PackRow } from './store.js';

/** How long a node may be silent before another takes over, seconds. */
export const MAINTENANCE_LEASE_SECS = 120;

/** Pushes have paused when none came for this long, seconds. */
const PAUSE_SECS = { short: 1, long: 5 };

/** New packs after which merging is worth a look while pushes come. */
const BUSY_PACKS = 8;

export interface MaintenanceTask {
  repoId: string;
  /** Whether pushes have paused. */
  pause: Pause;
}

/**
 * Takes a repository whose packs are to be looked at and that no other node has: because of many new packs, once in a
 * short pause, and in a long one. While pushes come one pack counts as new after each look, so that the pause is seen.
 */
export async function claimMaintenance(db: Database): Promise<MaintenanceTask | undefined> {
  const rows = await db.sql<MaintenanceTask[]>`
    UPDATE pack_maintenance SET locked_until = now() + make_interval(secs => ${MAINTENANCE_LEASE_SECS}),
      new_packs = CASE WHEN changed_at < now() - make_interval(secs => ${PAUSE_SECS.short}) THEN 0 ELSE 1 END
    WHERE repo_id = (
      SELECT repo_id FROM pack_maintenance
      WHERE (new_packs > ${BUSY_PACKS} OR changed_at < now() - make_interval(secs => ${PAUSE_SECS.long})
          OR new_packs > 0 AND changed_at < now() - make_interval(secs => ${PAUSE_SECS.short}))
        AND (locked_until IS NULL OR locked_until < now())
      ORDER BY changed_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING repo_id AS "repoId", CASE
      WHEN changed_at < now() - make_interval(secs => ${PAUSE_SECS.long}) THEN 'long'
      WHEN changed_at < now() - make_interval(secs => ${PAUSE_SECS.short}) THEN 'short' ELSE 'none' END AS pause`;
  return rows[0];
}

/** Takes one repository, whatever is to be done with it. @returns false when another node has it, or it is gone */
export async function claimRepository(db: Database, repoId: string): Promise<boolean> {
  const { count } = await db.sql`
    INSERT INTO pack_maintenance AS m (repo_id, locked_until)
    SELECT repo_id, now() + make_interval(secs => ${MAINTENANCE_LEASE_SECS}) FROM repositories WHERE repo_id = ${repoId}
    ON CONFLICT (repo_id) DO UPDATE SET new_packs = 0, locked_until = excluded.locked_until
      WHERE m.locked_until IS NULL OR m.locked_until < now()`;
  return count > 0;
}

/** Keeps a repository claimed while work on it goes on. */
export async function renewMaintenance(db: Database, repoId: string): Promise<void> {
  await db.sql`
    UPDATE pack_maintenance SET locked_until = now() + make_interval(secs => ${MAINTENANCE_LEASE_SECS})
    WHERE repo_id = ${repoId}`;
}

/**
 * Gives a repository back.
 * @param pauseSecs nobody takes it before; 0 = there is more to do now
 */
export async function releaseMaintenance(db: Database, repoId: string, pauseSecs = 0): Promise<void> {
  await db.sql`
    UPDATE pack_maintenance SET locked_until = CASE WHEN ${pauseSecs}::int > 0 THEN now() + make_interval(secs => ${pauseSecs}) END
    WHERE repo_id = ${repoId}`;
}

/**
 * Gives a repository back when nothing was left to do.
 * @param isDone whether nothing will be in a longer pause either; it is forgotten then, unless packs came meanwhile
 */
export async function finishMaintenance(db: Database, repoId: string, isDone: boolean): Promise<void> {
  if (isDone) await db.sql`DELETE FROM pack_maintenance WHERE repo_id = ${repoId} AND new_packs = 0`;
  await releaseMaintenance(db, repoId);
}

/** Which of the packs are stored loose. */
export async function unpackedHashes(db: Database, repoId: string): Promise<Set<string>> {
  const rows = await db.sql<{ hash: string }[]>`
    SELECT hash FROM packs WHERE repo_id = ${repoId} AND state = 'active' AND unpacked_at IS NOT NULL AND stored_in IS NULL`;
  return new Set(rows.map((row) => row.hash));
}

/** Graph segments of packs, in the order of the hashes. Missing ones are left out. */
export async function loadSegments(db: Database, repoId: string, hashes: readonly string[]): Promise<Uint8Array[]> {
  const rows = await db.sql<{ segment: Uint8Array }[]>`
    SELECT segment FROM unnest(${[...hashes]}::text[]) WITH ORDINALITY AS wanted(hash, place)
    JOIN packs USING (hash) WHERE repo_id = ${repoId} ORDER BY place`;
  return rows.map((row) => row.segment);
}

/** A pack that takes the place of others. */
export type ReplacingPack = Omit<PackRow, 'storedIn' | 'seq' | 'firstSeq'>;

export interface Exchange {
  /** Hashes of the packs that go. */
  retired: readonly string[];
  /** What becomes of them: `condemned` packs hold objects that are in no other pack. */
  state: 'superseded' | 'condemned';
  /** In the order in which they build on each other. Their objects are stored loose, as those of the retired are. */
  packs: readonly ReplacingPack[];
}

/**
 * Puts packs in the place of a run of others, under the lock of the repository's row. Pushes that commit later have later
 * packs; readers that began earlier go on with the retired ones.
 * @param refsVersion when given, the refs must be of this version
 * @throws ExchangeRefused when packs or refs are not what the caller saw
 */
export async function exchangePacks(tx: Tx, repoId: string, exchange: Exchange, refsVersion?: number): Promise<void> {
  const { retired, state, packs } = exchange;
  const held = await tx.sql`
    UPDATE repositories SET packs_version = packs_version + 1,
      collected_version = collected_version + ${state === 'condemned' ? 1 : 0}::int
    WHERE repo_id = ${repoId} AND refs_version = coalesce(${refsVersion ?? null}::int8, refs_version) RETURNING 1`;
  if (held.length === 0) throw new ExchangeRefused();
  const rows = await tx.sql<{ seq: number; first: number }[]>`
    UPDATE packs SET state = ${state}, retired_at = now()
    WHERE repo_id = ${repoId} AND hash = ANY(${[...retired]}::text[]) AND state = 'active' AND stored_in IS NULL
    RETURNING seq, coalesce(first_seq, seq) AS first`;
  if (rows.length !== retired.length) throw new ExchangeRefused();
  const seq = Math.max(...rows.map((row) => row.seq));
  const firstSeq = Math.min(...rows.map((row) => row.first));
  for (const [part, pack] of packs.entries()) {
    // Equal packs have equal names: the pack may be one of those retired now or before.
    const { count } = await tx.sql`
      INSERT INTO packs AS p (repo_id, hash, seq, first_seq, part, bytes, objects, tight, tips, segment, unpack_next, unpacked_at)
      VALUES (${repoId}, ${pack.hash}, ${seq}, ${firstSeq}, ${part}, ${pack.bytes}, ${pack.objects}, ${pack.tight},
              ${pack.tips}, ${pack.segment}, ${pack.objects}, now())
      ON CONFLICT (repo_id, hash) DO UPDATE SET state = 'active', retired_at = NULL, stored_in = NULL, seq = excluded.seq,
        first_seq = excluded.first_seq, part = excluded.part, tight = excluded.tight, tips = excluded.tips,
        segment = excluded.segment, unpack_next = excluded.unpack_next, unpacked_at = excluded.unpacked_at
        WHERE p.state <> 'active'`;
    if (count !== 1) throw new ExchangeRefused();
    await tx.sql`DELETE FROM staged_packs WHERE repo_id = ${repoId} AND hash = ${pack.hash}`;
  }
}

/**
 * Whether no object left the active packs since a snapshot of this `versions.collected` was taken. Call it under the lock
 * of the repository's row: what the snapshot has can be relied on until the transaction ends then.
 */
export async function isCollectedAt(tx: Tx, repoId: string, version: number): Promise<boolean> {
  const rows = await tx.sql`
    SELECT 1 FROM repositories WHERE repo_id = ${repoId} AND collected_version = ${version}`;
  return rows.length > 0;
}

/** Thrown to roll an exchange back when packs or refs are not what it was made for. */
export class ExchangeRefused extends Error {
  override readonly name = 'ExchangeRefused';
  constructor() {
    super('the packs of the repository changed meanwhile');
  }
}
