/** What a run is, and what its state means for the pull request. */
import type { Oid } from '../git/oid.js';
import type { Pull } from '../pulls/index.js';

export const RUN_STATUSES = ['pending', 'running', 'passed', 'failed', 'cancelled', 'timed_out'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
/** A state that is never left. */
export type FinalStatus = Exclude<RunStatus, 'pending' | 'running'>;

export interface Run {
  runId: string;
  prId: string;
  repoId: string;
  commitSha: Oid;
  status: RunStatus;
  /** When it was created, and once a runner has it, when that took it. */
  startedAt: Date;
  completedAt: Date | null;
}

export function isFinal(status: RunStatus): status is FinalStatus {
  return status !== 'pending' && status !== 'running';
}

/** A pull request knows fewer states: whatever did not pass has failed. */
export function pullStatusOf(status: RunStatus): Pull['ciStatus'] {
  return isFinal(status) && status !== 'passed' ? 'failed' : (status as Pull['ciStatus']);
}
