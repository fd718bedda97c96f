/** What the CI routes answer. */

export type CiRunStatus = 'pending' | 'running' | 'passed' | 'failed' | 'cancelled' | 'timed_out';

export interface CiRunView {
  runId: string;
  prId: string;
  repoId: string;
  commitSha: string;
  status: CiRunStatus;
  startedAt: string;
  completedAt: string | null;
}

export interface CiStepView {
  name: string;
  order: number;
  exitCode: number | null;
  durationMs: number | null;
  passed: boolean;
}

export type CiRunDetailView = CiRunView & { steps: CiStepView[] };

export interface CiStepLogView {
  step: string;
  output: string;
  status: string;
  startedAt: string | null;
  finishedAt: string | null;
}

/** After a trigger or a cancel. */
export interface CiChangeView {
  runId: string;
  status: CiRunStatus;
  message: string;
}

/** What comes while a run is followed. */
export type CiLogEvent =
  /** `step` is its place; null = the whole log of a run that ended long ago */
  | { event: 'log'; step: number | null; stream: string; text: string }
  /** Another runner began anew. */
  | { event: 'restart' }
  | { event: 'end'; status: string };
