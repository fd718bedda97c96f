/** Creating a run, which ends the one before: a pull request has one active run at most. */
import { randomUUID } from 'node:crypto';
import { appendAudit, type NewAuditEvent } from '../audit/index.js';
import type { Tx } from '../db/index.js';
import type { Oid } from '../git/oid.js';
import { setCiStatus } from '../pulls/index.js';
import type { LoadedConfig } from './load-config.js';
import { type FinalStatus, pullStatusOf, type Run } from './run.js';
import { announceRun, endRun, insertRun, lockActiveRun } from './store.js';

/** Who signs for what an audit event says; runs that start by themselves are signed by nobody. */
export type AuditProof = Pick<NewAuditEvent, 'agentId' | 'signature' | 'keyId' | 'envelope'>;

export const SYSTEM: AuditProof = { agentId: 'system', signature: 'system' };

export interface RunRequest {
  prId: string;
  repoId: string;
  commitSha: Oid;
  /** Head of the pull request, which the caller has locked. */
  headOid: Oid;
  loaded: Exclude<LoadedConfig, { kind: 'none' }>;
  /** The action that led to it, or `manual`. */
  trigger: string;
  proof: AuditProof;
}

/** Creates a run; one whose configuration cannot be read has failed at once. The pull request must be locked. */
export async function createRun(tx: Tx, request: RunRequest): Promise<{ runId: string }> {
  const { prId, repoId, commitSha, headOid, loaded, trigger, proof } = request;
  const previous = await lockActiveRun(tx, prId);
  if (previous !== undefined) await cancelRun(tx, previous, proof, 'superseded');
  const runId = randomUUID();
  await insertRun(tx, {
    runId,
    prId,
    repoId,
    commitSha,
    headOid,
    config: loaded.kind === 'config' ? loaded.config : {},
  });
  await appendAudit(tx, {
    ...proof,
    action: 'ci_triggered',
    resourceType: 'ci_run',
    resourceId: runId,
    data: { run_id: runId, pr_id: prId, repo_id: repoId, commit_sha: commitSha, trigger },
  });
  if (loaded.kind === 'config') {
    if (commitSha === headOid) await setCiStatus(tx, prId, headOid, 'pending');
    await announceRun(tx, runId);
  } else {
    await completeRun(tx, { runId, prId, repoId, commitSha }, 'failed', { logs: `${loaded.why}\n`, logKey: null });
  }
  return { runId };
}

type Ended = Pick<Run, 'runId' | 'prId' | 'repoId' | 'commitSha'>;

/** Cancels an active run that the caller has locked. @param reason for the audit log */
export async function cancelRun(tx: Tx, run: Ended, proof: AuditProof, reason: string): Promise<void> {
  const { runId, prId, repoId } = run;
  const completedAt = await endRun(tx, runId, 'cancelled');
  await setCiStatus(tx, prId, run.commitSha, pullStatusOf('cancelled'));
  await appendAudit(tx, {
    ...proof,
    action: 'ci_cancelled',
    resourceType: 'ci_run',
    resourceId: runId,
    data: { run_id: runId, pr_id: prId, repo_id: repoId, status: 'cancelled', completed_at: completedAt, reason },
  });
  await announceRun(tx, runId);
}

/** Ends a run with a result. The pull request and the run must be locked. */
export async function completeRun(
  tx: Tx,
  run: Ended,
  status: Exclude<FinalStatus, 'cancelled'>,
  log: { logs: string; logKey: string | null; size?: number },
): Promise<void> {
  const { runId, prId, repoId } = run;
  const { size = Buffer.byteLength(log.logs), ...stored } = log;
  const completedAt = await endRun(tx, runId, status, stored);
  await setCiStatus(tx, prId, run.commitSha, pullStatusOf(status));
  const about = { ...SYSTEM, resourceType: 'ci_run', resourceId: runId };
  await appendAudit(tx, {
    ...about,
    action: 'ci_logs_stored',
    data: { run_id: runId, repo_id: repoId, size },
  });
  await appendAudit(tx, {
    ...about,
    action: 'ci_completed',
    data: { run_id: runId, pr_id: prId, repo_id: repoId, commit_sha: run.commitSha, status, completed_at: completedAt },
    topics: ['webhook'],
  });
}
