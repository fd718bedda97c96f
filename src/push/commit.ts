/** The one transaction of a push: nonce, refs, pack, push event, audit, outbox. Commit is the moment it happened. */
import { randomUUID } from 'node:crypto';
import { requireRole } from '../access/index.js';
import { appendAudit, type OutboxTopic } from '../audit/index.js';
import { rememberWrite, storedWrite } from '../auth/index.js';
import { followSnapshot, insertIndexedPack, isCollectedAt, type PackRow } from '../catalog/index.js';
import { holdPolicy, insertCertificate } from '../certificates/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { ZERO_OID } from '../git/oid.js';
import type { IndexResult } from '../packs/index.js';
import { together } from '../parallel.js';
import {
  type ExaminedHeads,
  followPulls,
  type PreparedProposal,
  type ProposedResult,
  proposePull,
  UnexaminedHead,
} from '../pulls/index.js';
import {
  followRefs,
  type HeldRefUpdates,
  holdRefs,
  holdRefUpdates,
  type RefUpdate,
  type RefVerdict,
  type RepositoryVersions,
  writeRefUpdates,
} from '../refs/index.js';
import type { Repository } from '../repos/index.js';
import type { JsonValue } from '../signing/index.js';
import { type Certification, SPENT, UNSIGNED } from './certify.js';
import type { PushCredential, PushReport, Refusal } from './report.js';

export interface PushFacts {
  repo: Repository;
  credential: PushCredential;
  certification: Certification;
  pushOptions: readonly string[];
  updates: RefUpdate[];
  /** Names of updates that are not fast-forwards. */
  forced: ReadonlySet<string>;
  /** Pull requests to open, by the ref names of their source branches. */
  proposals: ReadonlyMap<string, PreparedProposal>;
  atomic: boolean;
  /** Resolves when the database knows that the pack is about to be stored. */
  staged: Promise<void> | undefined;
  /** Resolves when the pack is in the store, where it is not yet, in an instant; nothing becomes visible before. */
  stored: Promise<void>;
  /** Undefined when no pack came or it held no object. */
  pack: IndexResult | undefined;
  /** Hex SHA-256 of the pack bytes as received. */
  packfileHash: string;
  /** Identifies the command list, so that a repeat with the same token gets the stored report. */
  fingerprint: string;
  /** `versions.collected` of the snapshot in which everything that the push needs was found. */
  collectedVersion: number;
  /**
   * Looks again whether everything is there, after objects that no ref reaches were collected.
   * @returns the version it was found in, or the report of a refusal
   */
  findAgain(): Promise<{ collectedVersion: number } | { refused: PushReport }>;
  /** The new heads of open pull requests. */
  examined: ExaminedHeads;
  /** Looks at them anew, when a pull request was opened meanwhile. */
  examineHeads(): Promise<ExaminedHeads>;
}

/** Makes the client's report out of the verdicts on the updates and the pull requests, by ref name. */
type ReportMaker = (verdicts: RefVerdict[], pulls?: ReadonlyMap<string, ProposedResult>) => PushReport;

/** Thrown to roll back when no ref was accepted; nothing of the push stays. */
class NothingAccepted extends Error {
  override readonly name = 'NothingAccepted';
  readonly verdicts: RefVerdict[];
  constructor(verdicts: RefVerdict[]) {
    super('no ref update was accepted');
    this.verdicts = verdicts;
  }
}

/** Thrown to roll back when objects left the repository after the push had found what it needs. */
class ObjectsCollected extends Error {
  override readonly name = 'ObjectsCollected';
}

/** Thrown to roll back when the same push with the same credential has committed meanwhile. */
class AlreadyWritten extends Error {
  override readonly name = 'AlreadyWritten';
  readonly report: PushReport;
  constructor(report: PushReport) {
    super('this push has committed already');
    this.report = report;
  }
}

/**
 * Moves the refs.
 * @param report makes the client's report out of the verdicts on `facts.updates`
 * @throws AppError when the agent was suspended, its key revoked or its role withdrawn meanwhile, or the token was used
 */
export async function commitPush(ctx: AppContext, facts: PushFacts, report: ReportMaker): Promise<PushReport> {
  await ctx.faultPoint('push.before-commit');
  try {
    const { done, moved } = await ctx.db.transaction((tx) => writePush(tx, facts, report));
    remember(ctx, facts.repo.repoId, moved);
    await ctx.faultPoint('push.after-commit');
    return done;
  } catch (error) {
    if (error instanceof UnexaminedHead)
      return commitPush(ctx, { ...facts, examined: await facts.examineHeads() }, report);
    if (error instanceof ObjectsCollected) {
      const found = await facts.findAgain();
      return 'refused' in found ? found.refused : commitPush(ctx, { ...facts, ...found }, report);
    }
    if (error instanceof AlreadyWritten) return { ...error.report, replayed: true };
    if (!(error instanceof NothingAccepted)) throw error;
    // A repeat that ran beside the first one finds the refs moved; it gets the first one's report.
    const stored = await storedWrite(ctx, facts.credential.proof, facts.fingerprint);
    return stored === undefined ? report(error.verdicts) : { ...(stored as unknown as PushReport), replayed: true };
  }
}

/**
 * What needs no lock on the repository's row comes first, and the statements of each half are sent together: pushes to
 * other refs of the repository wait from the moment its row is locked until the commit is on disk. A pack that is still
 * being stored is waited for last, so it must be one that depends on nothing (see Storing.isBrief).
 */
async function writePush(
  tx: Tx,
  facts: PushFacts,
  report: ReportMaker,
): Promise<{ done: PushReport; moved: MovedRefs }> {
  const { repo, proposals, examined } = facts;
  const { proven } = facts.certification;
  await facts.staged;
  // A pull request creates a ref of its own later; the lock on creations comes before those on refs.
  if (proposals.size > 0) await holdRefs(tx, repo.repoId, []);
  const [, policy, held, timestamp] = await together(
    requireRole(tx, repo, facts.credential.principal.agentId, 'write'),
    // Asked before the pack came, and again now that it cannot change any more.
    proven ? undefined : holdPolicy(tx, repo.repoId),
    holdRefUpdates(tx, repo.repoId, facts.updates, {
      atomic: facts.atomic,
      forced: facts.forced,
      by: { kind: 'push', certified: proven },
    }),
    tx.now(),
  );
  if (policy === 'required') throw refuseEach(facts.updates, UNSIGNED);
  if (held.accepted.length === 0) throw new NothingAccepted(held.verdicts);
  const written = { held, timestamp, eventId: randomUUID() };
  let done: PushReport;
  let moved: MovedRefs;
  if (examined.size === 0 && proposals.size === 0) {
    // Should a pull request follow after all, its head was not examined, and nothing of this stays.
    done = report(held.verdicts);
    [, moved] = await together(
      recordPush(tx, facts, written, done),
      moveRefs(tx, facts, held),
      auditPush(tx, facts, written, []),
    );
  } else {
    moved = await moveRefs(tx, facts, held);
    done = report(held.verdicts, moved.pulls);
    await together(recordPush(tx, facts, written, done), auditPush(tx, facts, written, moved.ciTopics));
  }
  await facts.stored;
  return { done, moved };
}

/** What this node knows of the repository moves along: nobody else changes it between two versions of its refs. */
function remember(ctx: AppContext, repoId: string, { versions, accepted, pack }: MovedRefs): void {
  if (versions === undefined) return;
  followRefs(ctx, repoId, versions.refsVersion, accepted);
  followSnapshot(ctx, { repoId, ...versions }, pack);
}

interface WrittenPush {
  held: HeldRefUpdates;
  timestamp: Date;
  eventId: string;
}

interface MovedRefs {
  accepted: readonly RefUpdate[];
  versions: RepositoryVersions | undefined;
  /** The pack that became visible. */
  pack: PackRow | undefined;
  ciTopics: OutboxTopic[];
  pulls: Map<string, ProposedResult>;
}

/** Refs, the pack that becomes visible with them, and the pull requests that follow or are opened. */
async function moveRefs(tx: Tx, facts: PushFacts, held: HeldRefUpdates): Promise<MovedRefs> {
  const { repo } = facts;
  const { accepted } = held;
  const tips = accepted.map((update) => update.newOid).filter((oid) => oid !== ZERO_OID);
  const [{ versions }, isWhole, pack, ciTopics] = await together(
    writeRefUpdates(tx, repo.repoId, held),
    // Sent after the lock on the repository's row, so it sees what the one before it there has committed.
    isCollectedAt(tx, repo.repoId, facts.collectedVersion),
    facts.pack && insertIndexedPack(tx, repo.repoId, facts.pack, tips),
    followPulls(tx, repo.repoId, accepted, facts.examined),
  );
  if (!isWhole) throw new ObjectsCollected();
  return { accepted, versions, pack, ciTopics, pulls: await openPulls(tx, facts, accepted) };
}

/** The nonce with the report that a repeat gets, the push event, the certificate. */
async function recordPush(tx: Tx, facts: PushFacts, { held, eventId }: WrittenPush, report: PushReport): Promise<void> {
  const { repo, credential, pack, fingerprint } = facts;
  const { certificate } = facts.certification;
  const { principal, proof } = credential;
  const updates = refUpdates(facts, held);
  const [earlier, , isKept] = await together(
    rememberWrite(tx, proof, { repoId: repo.repoId, fingerprint, report: report as unknown as JsonValue }),
    tx.sql`
      INSERT INTO push_events (event_id, repo_id, agent_id, ref_updates, packfile_hash, objects_count, force_push, nonce,
        signature, push_options)
      VALUES (${eventId}::uuid, ${repo.repoId}, ${principal.agentId}, ${JSON.stringify(updates)}::jsonb,
        ${facts.packfileHash}, ${pack?.objects ?? 0}, ${isForced(updates)}, ${proof.nonce}, ${proof.signature},
        ${JSON.stringify(facts.pushOptions)}::jsonb)`,
    certificate === undefined ||
      insertCertificate(tx, { eventId, repoId: repo.repoId, agentId: principal.agentId }, certificate),
  );
  if (!isKept) throw refuseEach(facts.updates, SPENT);
  if (earlier !== undefined) throw new AlreadyWritten(earlier as unknown as PushReport);
}

async function auditPush(
  tx: Tx,
  facts: PushFacts,
  { held, timestamp, eventId }: WrittenPush,
  ciTopics: readonly OutboxTopic[],
): Promise<void> {
  const { repo, credential, pack } = facts;
  const { principal, proof } = credential;
  const { proven, certificate } = facts.certification;
  const updates = refUpdates(facts, held);
  const objects = pack?.objects ?? 0;
  await appendAudit(tx, {
    agentId: principal.agentId,
    action: 'push',
    resourceType: 'repository',
    resourceId: repo.repoId,
    chainId: repo.repoId,
    keyId: proof.keyId,
    envelope: proof.canonical,
    signature: proof.signature,
    timestamp,
    data: {
      repo_id: repo.repoId,
      packfile_hash: facts.packfileHash,
      ref_updates: updates,
      objects_count: objects,
      force_push: isForced(updates),
      push_event_id: eventId,
      push_options: facts.pushOptions,
      proof: proven ? 'proven' : 'unproven',
      certificate_hash: certificate?.hash ?? null,
      storage: {
        type: pack !== undefined && pack.loose.length > 0 ? 'loose' : 'packfile',
        pack_hash: pack?.hash ?? null,
        objects_stored: objects,
      },
    },
    topics: ['webhook', 'analytics', ...ciTopics],
  });
}

/** The updates that happen, as push events and the audit log tell them. */
function refUpdates({ forced }: PushFacts, { accepted }: HeldRefUpdates) {
  return accepted.map(({ refName, oldOid, newOid }) => ({ refName, oldOid, newOid, force: forced.has(refName) }));
}

function isForced(updates: readonly { force: boolean }[]): boolean {
  return updates.some((update) => update.force);
}

async function openPulls(
  tx: Tx,
  { proposals, credential: { proof } }: PushFacts,
  accepted: readonly RefUpdate[],
): Promise<Map<string, ProposedResult>> {
  const pulls = new Map<string, ProposedResult>();
  const { signature, keyId, canonical: envelope } = proof;
  for (const { refName } of accepted) {
    const proposal = proposals.get(refName);
    if (proposal !== undefined) pulls.set(refName, await proposePull(tx, proposal, { signature, keyId, envelope }));
  }
  return pulls;
}

function refuseEach(updates: readonly RefUpdate[], { reason }: Refusal): NothingAccepted {
  return new NothingAccepted(updates.map(({ refName }) => ({ refName, ok: false, reason, code: 'ACCESS_DENIED' })));
}
