/**
 * Compare-and-swap of refs inside a transaction, with git's per-ref results.
 *
 * Locks are taken in one order everywhere (the repository against deletion, its creations, then rows by name, then the
 * repository row for writing), so two pushes can wait for each other but never deadlock.
 */
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { type Oid, ZERO_OID } from '../git/oid.js';
import { together } from '../parallel.js';
import { branchOf, type Mover, type ProtectionRule, refusal, selectRules } from './protection.js';
import {
  bumpRefsVersion,
  deleteRefs,
  hasNoBranch,
  holdRepository,
  insertFormerTips,
  lockCreations,
  lockRefs,
  parentNames,
  type Ref,
  type RepositoryVersions,
  selectDirectoryConflicts,
  setDefaultBranch,
  upsertRefs,
} from './store.js';

/** One wanted change: zero `oldOid` = create, zero `newOid` = delete. */
export interface RefUpdate {
  refName: string;
  oldOid: Oid;
  newOid: Oid;
  /** Target of an annotated tag, for the `^{}` line of the advertisement. */
  peeled: Oid | undefined;
}

export type RefVerdict =
  | { refName: string; ok: true }
  /**
   * `rule` is the pattern of the branch protection that refused the update. `code` is absent when nothing but another
   * update of an atomic list is wrong.
   */
  | {
      refName: string;
      ok: false;
      reason: string;
      rule?: string;
      code?: 'REF_NOT_FOUND' | 'CONFLICT' | 'ACCESS_DENIED';
    };

export interface UpdateOptions {
  /** All or nothing; otherwise each ref for itself. */
  atomic: boolean;
  /** Names of updates that are not fast-forwards. */
  forced: ReadonlySet<string>;
  /** Who moves the refs; decides what branch protection asks for. */
  by: Mover;
}

export interface RefUpdateResult {
  /** In the order of the updates. */
  verdicts: RefVerdict[];
  /** Set when this update gave an empty repository another default branch. */
  defaultBranch: string | undefined;
}

/** Updates that were compared with what is stored, whose refs stay as they are until the transaction ends. */
export interface HeldRefUpdates {
  /** In the order of the updates. */
  verdicts: RefVerdict[];
  accepted: readonly RefUpdate[];
  /** Values that refs leave and that may not be reachable afterwards. */
  left: readonly Oid[];
  /** Whether the repository had no branch, so that this update may decide about its default branch. */
  wasEmpty: boolean;
}

export interface WrittenRefUpdates {
  /** Set when this update gave an empty repository another default branch. */
  defaultBranch: string | undefined;
  /** As they are from the commit on; undefined when the repository is gone. */
  versions: RepositoryVersions | undefined;
}

/**
 * Applies ref updates that passed every check that needs no lock. Branch protection is enforced here and nowhere else,
 * so it holds for git, the API and merges alike.
 * Nothing is written, and the repository's version stays, when no update is accepted.
 * @throws AppError REPO_NOT_FOUND when the repository was deleted meanwhile
 */
export async function updateRefs(
  tx: Tx,
  repoId: string,
  updates: readonly RefUpdate[],
  options: UpdateOptions,
): Promise<RefUpdateResult> {
  const held = await holdRefUpdates(tx, repoId, updates, options);
  const { verdicts } = held;
  if (held.accepted.length === 0) return { verdicts, defaultBranch: undefined };
  const { defaultBranch } = await writeRefUpdates(tx, repoId, held);
  return { verdicts, defaultBranch };
}

/** The first half of {@link updateRefs}: locks and verdicts, in one round trip. */
export async function holdRefUpdates(
  tx: Tx,
  repoId: string,
  updates: readonly RefUpdate[],
  options: UpdateOptions,
): Promise<HeldRefUpdates> {
  const creations = updates.filter((update) => update.oldOid === ZERO_OID).map((update) => update.refName);
  const creates = creations.length > 0;
  const names = updates.map((update) => update.refName);
  // Sent together, run one after the other: each sees what its predecessors waited for.
  const [head, , noBranch, current, rules, conflicts] = await together(
    holdRepository(tx, repoId),
    creates ? lockCreations(tx, repoId) : undefined,
    creates ? hasNoBranch(tx, repoId) : false,
    lockRefs(tx, repoId, names),
    options.by.kind === 'server' ? [] : selectRules(tx, repoId),
    creates ? selectDirectoryConflicts(tx, repoId, creations) : [],
  );
  if (head === undefined) throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
  const reasons = new Map<string, string>();
  for (const update of updates) {
    const reason = compare(update, current.get(update.refName)) ?? keepHead(update, head, options.by);
    if (reason !== undefined) reasons.set(update.refName, reason);
  }
  const refusing = protect(rules, updates, options, reasons);
  findDirectoryConflicts(conflicts, updates, reasons);
  const faulty = new Set(reasons.keys());
  if (options.atomic && reasons.size > 0) {
    for (const update of updates) if (!reasons.has(update.refName)) reasons.set(update.refName, 'atomic push failed');
  }
  const accepted = updates.filter((update) => !reasons.has(update.refName));
  const verdicts = updates.map((update): RefVerdict => {
    const { refName } = update;
    const reason = reasons.get(refName);
    if (reason === undefined) return { refName, ok: true };
    if (!faulty.has(refName)) return { refName, ok: false, reason };
    const rule = refusing.get(refName);
    const denied = rule !== undefined || keepHead(update, head, options.by) === reason;
    const missing = isMissing(update, current.get(refName));
    const code = denied ? 'ACCESS_DENIED' : missing ? 'REF_NOT_FOUND' : 'CONFLICT';
    return { refName, ok: false, reason, code, ...(rule === undefined ? {} : { rule }) };
  });
  // Of the server's own moves nobody says whether they are fast-forwards.
  const left = accepted.filter(
    ({ refName, newOid, oldOid }) =>
      oldOid !== ZERO_OID && (newOid === ZERO_OID || options.forced.has(refName) || options.by.kind === 'server'),
  );
  return { verdicts, accepted, left: left.map((update) => update.oldOid), wasEmpty: noBranch };
}

/**
 * The second half: writes what was accepted and locks the repository's row, which pushes to other refs wait for from
 * here on.
 */
export async function writeRefUpdates(
  tx: Tx,
  repoId: string,
  { accepted, left, wasEmpty }: HeldRefUpdates,
): Promise<WrittenRefUpdates> {
  const written = accepted.filter((update) => update.newOid !== ZERO_OID);
  const [, , versions] = await together(
    deleteRefs(
      tx,
      repoId,
      accepted.filter((update) => update.newOid === ZERO_OID).map((update) => update.refName),
    ),
    upsertRefs(
      tx,
      repoId,
      written.map((update) => ({ name: update.refName, oid: update.newOid, peeled: update.peeled })),
    ),
    bumpRefsVersion(tx, repoId),
    insertFormerTips(tx, repoId, left),
  );
  const defaultBranch = wasEmpty ? firstBranch(written, versions?.defaultBranch) : undefined;
  if (defaultBranch !== undefined) await setDefaultBranch(tx, repoId, defaultBranch);
  return { defaultBranch, versions };
}

function isMissing(update: RefUpdate, current: Ref | undefined): boolean {
  return current === undefined && update.oldOid !== ZERO_OID;
}

function compare(update: RefUpdate, current: Ref | undefined): string | undefined {
  const actual = current?.oid ?? ZERO_OID;
  if (actual === update.oldOid) return undefined;
  if (isMissing(update, current)) return 'the ref does not exist any more (fetch first)';
  if (update.oldOid === ZERO_OID) return 'the ref exists already (fetch first)';
  return `the ref is at ${actual.slice(0, 12)}, not at ${update.oldOid.slice(0, 12)} (fetch first)`;
}

/** What a push was told before it sent its pack may have changed: the default branch is looked at again under the lock. */
function keepHead(update: RefUpdate, defaultBranch: string, by: Mover): string | undefined {
  if (by.kind === 'server' || update.newOid !== ZERO_OID || branchOf(update.refName) !== defaultBranch)
    return undefined;
  return 'deletion of the default branch is prohibited';
}

/** Adds the reasons of branch protection. @returns the pattern that refused, by ref name */
function protect(
  rules: readonly ProtectionRule[],
  updates: readonly RefUpdate[],
  { by, forced }: UpdateOptions,
  reasons: Map<string, string>,
): Map<string, string> {
  const refusing = new Map<string, string>();
  if (by.kind === 'server') return refusing;
  for (const { refName, oldOid, newOid } of updates) {
    if (branchOf(refName) === undefined || reasons.has(refName)) continue;
    const change = oldOid === ZERO_OID ? 'create' : newOid === ZERO_OID ? 'delete' : 'update';
    const found = refusal(rules, { refName, change, forced: forced.has(refName) }, by);
    if (found === undefined) continue;
    reasons.set(refName, found.reason);
    refusing.set(refName, found.rule);
  }
  return refusing;
}

/**
 * File/directory conflicts, among existing refs and among the updates themselves; a name deleted here is free.
 * @param existing refs that cannot live beside one of the created ones
 */
function findDirectoryConflicts(
  existing: readonly string[],
  updates: readonly RefUpdate[],
  reasons: Map<string, string>,
): void {
  const open = updates.filter((update) => update.oldOid === ZERO_OID && !reasons.has(update.refName));
  if (open.length === 0) return;
  const deleted = new Set(
    updates
      .filter((update) => update.newOid === ZERO_OID && !reasons.has(update.refName))
      .map((update) => update.refName),
  );
  const names = new Set(existing.filter((name) => !deleted.has(name)));
  const below = new Map<string, string>();
  const add = (name: string) => {
    for (const parent of parentNames(name)) below.set(parent, name);
  };
  for (const name of names) add(name);
  for (const { refName } of open) {
    const blocking = parentNames(refName).find((parent) => names.has(parent)) ?? below.get(refName);
    if (blocking !== undefined) {
      reasons.set(refName, `'${blocking}' exists; cannot create '${refName}'`);
      continue;
    }
    names.add(refName);
    add(refName);
  }
}

/**
 * The first push into an empty repository decides what HEAD means when it does not bring the configured branch, so that
 * a clone of a repository pushed from `master` checks something out.
 */
function firstBranch(written: readonly RefUpdate[], configured: string | undefined): string | undefined {
  const branches = written
    .map((update) => update.refName)
    .filter((name) => name.startsWith('refs/heads/'))
    .map((name) => name.slice('refs/heads/'.length));
  if (branches.length === 0 || (configured !== undefined && branches.includes(configured))) return undefined;
  return branches.includes('master') ? 'master' : branches.sort()[0];
}
