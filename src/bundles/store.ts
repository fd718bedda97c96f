/** SQL of the bundles room: table `bundles`. */
import type { Database, Tx } from '../db/index.js';

/** A bundle being made for longer was given up, seconds. */
const MAKING_LEASE_SECS = 3600;

/** A repository that changes gets a new bundle after so many hours: until then a fetch brings the difference. */
const REMAKE_AFTER_HOURS = 24;

export interface BundleTask {
  bundleId: string;
  repoId: string;
}

/**
 * Takes a repository of this size that has branches and no bundle, or an outdated one, and that no other node works on.
 * @param minBytes of its packs
 */
export async function claimBundle(db: Database, minBytes: number): Promise<BundleTask | undefined> {
  const rows = await db.sql<BundleTask[]>`
    INSERT INTO bundles (repo_id, refs_version)
    SELECT r.repo_id, r.refs_version FROM repositories r
    LEFT JOIN bundles b ON b.repo_id = r.repo_id AND b.state = 'current'
    WHERE (b.bundle_id IS NULL
        OR b.refs_version <> r.refs_version AND b.since < now() - make_interval(hours => ${REMAKE_AFTER_HOURS}))
      AND (SELECT sum(p.bytes) FROM packs p WHERE p.repo_id = r.repo_id AND p.state = 'active') >= ${minBytes}
      AND EXISTS (SELECT 1 FROM repo_refs f WHERE f.repo_id = r.repo_id AND f.ref_name LIKE 'refs/heads/%')
      AND NOT EXISTS (SELECT 1 FROM bundles m WHERE m.repo_id = r.repo_id AND m.state = 'making')
    LIMIT 1
    ON CONFLICT DO NOTHING
    RETURNING bundle_id AS "bundleId", repo_id AS "repoId"`;
  return rows[0];
}

/**
 * Offers a stored bundle in place of the one before.
 * @param tips 20 bytes each
 * @returns false when it took so long that it counts as given up, or the repository is gone
 */
export async function publishBundle(
  db: Database,
  { bundleId, repoId }: BundleTask,
  { refsVersion, tips, bytes }: { refsVersion: number; tips: Uint8Array; bytes: number },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const held = await tx.sql`SELECT 1 FROM bundles WHERE bundle_id = ${bundleId} AND state = 'making' FOR UPDATE`;
    if (held.length === 0) return false;
    await tx.sql`UPDATE bundles SET state = 'retired', since = now() WHERE repo_id = ${repoId} AND state = 'current'`;
    await tx.sql`
      UPDATE bundles SET state = 'current', since = now(), refs_version = ${refsVersion}, tips = ${tips}, bytes = ${bytes}
      WHERE bundle_id = ${bundleId}`;
    return true;
  });
}

export interface Bundle {
  bundleId: string;
  /** 20 bytes each. */
  tips: Uint8Array;
}

export async function currentBundle(db: Database, repoId: string): Promise<Bundle | undefined> {
  const rows = await db.sql<Bundle[]>`
    SELECT bundle_id AS "bundleId", tips FROM bundles WHERE repo_id = ${repoId} AND state = 'current'`;
  return rows[0];
}

/** Takes a bundle back: from now on it is not offered. */
export async function retireBundle(db: Database, bundleId: string): Promise<void> {
  await db.sql`
    UPDATE bundles SET state = 'retired', since = now() WHERE bundle_id = ${bundleId} AND state = 'current'`;
}

/** Bundles that were given up while being made, or retired so long ago that no link is good; locked. */
export async function lockOldBundles(tx: Tx, retiredSecs: number): Promise<BundleTask[]> {
  return [
    ...(await tx.sql<BundleTask[]>`
      SELECT bundle_id AS "bundleId", repo_id AS "repoId" FROM bundles
      WHERE state = 'making' AND since < now() - make_interval(secs => ${MAKING_LEASE_SECS})
        OR state = 'retired' AND since < now() - make_interval(secs => ${retiredSecs})
      LIMIT 100 FOR UPDATE SKIP LOCKED`),
  ];
}

export async function deleteBundle(tx: Tx, bundleId: string): Promise<void> {
  await tx.sql`DELETE FROM bundles WHERE bundle_id = ${bundleId}`;
}
