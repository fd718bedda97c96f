/** SQL of table `repo_refs`: the only code that reads or writes refs. */
import type { Database, Queryable, Tx } from '../db/index.js';
import type { Oid } from '../git/oid.js';

export interface Ref {
  name: string;
  oid: Oid;
  /** What an annotated tag finally points at; undefined for every other ref. */
  peeled: Oid | undefined;
}

type RefRow = { ref_name: string; oid: string; peeled_oid: string | null };

/** All refs with the version they belong to, in byte order of their names as git sorts them. */
export async function selectRefs(db: Database, repoId: string): Promise<{ version: string; refs: Ref[] }> {
  const rows = await db.sql<
    { refs_version: string; ref_name: string | null; oid: string; peeled_oid: string | null }[]
  >`
    SELECT r.refs_version, f.ref_name, f.oid, f.peeled_oid FROM repositories r
    LEFT JOIN repo_refs f ON f.repo_id = r.repo_id
    WHERE r.repo_id = ${repoId} ORDER BY f.ref_name COLLATE "C"`;
  const refs = rows.flatMap((row) => (row.ref_name === null ? [] : [toRef({ ...row, ref_name: row.ref_name })]));
  return { version: String(rows[0]?.refs_version ?? '0'), refs };
}

/** Current values of the named refs, without a lock. */
export async function selectRefValues(
  db: Queryable,
  repoId: string,
  names: readonly string[],
): Promise<Map<string, Oid>> {
  const rows = await db.sql<Pick<RefRow, 'ref_name' | 'oid'>[]>`
    SELECT ref_name, oid FROM repo_refs WHERE repo_id = ${repoId} AND ref_name = ANY(${[...names]}::text[])`;
  return new Map(rows.map((row) => [row.ref_name, row.oid]));
}

/** Current values of the named refs, locked in name order until the transaction ends. */
export async function lockRefs(tx: Tx, repoId: string, names: readonly string[]): Promise<Map<string, Ref>> {
  const rows = await tx.sql<RefRow[]>`
    SELECT ref_name, oid, peeled_oid FROM repo_refs
    WHERE repo_id = ${repoId} AND ref_name = ANY(${[...names]}::text[])
    ORDER BY ref_name COLLATE "C" FOR UPDATE`;
  return new Map(rows.map((row) => [row.ref_name, toRef(row)]));
}

/**
 * Keeps the repository from being deleted, and its settings from being changed, until the transaction ends. Taken before
 * every other lock: whoever deletes or changes a repository locks its row first too.
 * @returns its default branch; undefined when there is no such repository
 */
export async function holdRepository(tx: Tx, repoId: string): Promise<string | undefined> {
  const rows = await tx.sql<{ default_branch: string }[]>`
    SELECT default_branch FROM repositories WHERE repo_id = ${repoId} FOR KEY SHARE`;
  return rows[0]?.default_branch;
}

/** Makes ref creations in one repository take turns: an absent row cannot be locked, and `a` must exclude `a/b`. */
export async function lockCreations(tx: Tx, repoId: string): Promise<void> {
  await tx.sql`SELECT pg_advisory_xact_lock(hashtextextended(${`refs:${repoId}`}, 0))`;
}

/** Existing refs that cannot live beside one of `names`: `a` excludes `a/b` and the other way round. */
export async function selectDirectoryConflicts(tx: Tx, repoId: string, names: readonly string[]): Promise<string[]> {
  const parents = [...new Set(names.flatMap(parentNames))];
  const rows = await tx.sql<{ ref_name: string }[]>`
    SELECT ref_name FROM repo_refs WHERE repo_id = ${repoId} AND ref_name = ANY(${parents}::text[])
    UNION
    SELECT f.ref_name FROM unnest(${[...names]}::text[]) AS n(name)
    JOIN repo_refs f ON f.repo_id = ${repoId} AND starts_with(f.ref_name, n.name || '/')`;
  return rows.map((row) => row.ref_name);
}

/** `refs/heads/a/b` has the parents `refs/heads/a`, `refs/heads`, `refs`. */
export function parentNames(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** Writes new values; rows must be locked or creations be serialised. */
export async function upsertRefs(tx: Tx, repoId: string, refs: readonly Ref[]): Promise<void> {
  if (refs.length === 0) return;
  await tx.sql`
    INSERT INTO repo_refs (repo_id, ref_name, oid, peeled_oid, updated_at)
    SELECT ${repoId}, name, oid, peeled, now() FROM unnest(
      ${refs.map((ref) => ref.name)}::text[],
      ${refs.map((ref) => ref.oid)}::text[],
      ${refs.map((ref) => ref.peeled ?? null)}::text[]) AS v(name, oid, peeled)
    ON CONFLICT (repo_id, ref_name)
    DO UPDATE SET oid = EXCLUDED.oid, peeled_oid = EXCLUDED.peeled_oid, updated_at = EXCLUDED.updated_at`;
}

export async function deleteRefs(tx: Tx, repoId: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await tx.sql`
    DELETE FROM repo_refs WHERE repo_id = ${repoId} AND ref_name = ANY(${[...names]}::text[])`;
}

/** Notes what refs pointed at and may not be reached any more, so that it is kept for a while and then collected. */
export async function insertFormerTips(tx: Tx, repoId: string, oids: readonly Oid[]): Promise<void> {
  if (oids.length === 0) return;
  await tx.sql`INSERT INTO former_tips (repo_id, oid) SELECT ${repoId}, unnest(${[...oids]}::text[])`;
}

/** What a transaction that has locked the repository's row leaves in it. */
export interface RepositoryVersions {
  refsVersion: number;
  packsVersion: number;
  collectedVersion: number;
}

/** Locks the repository row and gives its refs a new version. @returns undefined when there is no such repository */
export async function bumpRefsVersion(
  tx: Tx,
  repoId: string,
): Promise<(RepositoryVersions & { defaultBranch: string }) | undefined> {
  const [row] = await tx.sql<(RepositoryVersions & { defaultBranch: string })[]>`
    UPDATE repositories SET refs_version = refs_version + 1 WHERE repo_id = ${repoId}
    RETURNING default_branch AS "defaultBranch", refs_version AS "refsVersion", packs_version AS "packsVersion",
      collected_version AS "collectedVersion"`;
  return row;
}

/** True when the repository has no branch at all. */
export async function hasNoBranch(tx: Tx, repoId: string): Promise<boolean> {
  const rows = await tx.sql`
    SELECT 1 FROM repo_refs WHERE repo_id = ${repoId} AND starts_with(ref_name, 'refs/heads/') LIMIT 1`;
  return rows.length === 0;
}

/** Copies all refs but those of pull requests into a repository without refs. @returns how many */
export async function insertRefsOf(tx: Tx, sourceId: string, repoId: string): Promise<number> {
  const { count } = await tx.sql`
    INSERT INTO repo_refs (repo_id, ref_name, oid, peeled_oid, updated_at)
    SELECT ${repoId}, ref_name, oid, peeled_oid, now() FROM repo_refs
    WHERE repo_id = ${sourceId} AND NOT starts_with(ref_name, 'refs/pull/')`;
  return count;
}

export async function refExists(tx: Tx, repoId: string, name: string): Promise<boolean> {
  const rows = await tx.sql`SELECT 1 FROM repo_refs WHERE repo_id = ${repoId} AND ref_name = ${name}`;
  return rows.length > 0;
}

export async function setDefaultBranch(tx: Tx, repoId: string, branch: string): Promise<void> {
  await tx.sql`UPDATE repositories SET default_branch = ${branch} WHERE repo_id = ${repoId}`;
}

function toRef(row: RefRow): Ref {
  return { name: row.ref_name, oid: row.oid, peeled: row.peeled_oid ?? undefined };
}
