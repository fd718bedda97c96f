/** SQL of step results and of the output that comes while a step runs. */
import { and, asc, eq, gt } from 'drizzle-orm';
import { ciLogChunks, ciStepResults, type Queryable } from '../db/index.js';
import type { ClaimedRun } from './lease-store.js';

export type StreamName = 'stdout' | 'stderr';

/** Thrown when the run is in other hands by now: nothing more may be written for it. */
export class LostLease extends Error {
  override readonly name = 'LostLease';

  constructor() {
    super('the lease of the run is lost');
  }
}

type Claim = Pick<ClaimedRun, 'runId' | 'fence'>;

export interface Chunk {
  seq: number;
  stepOrder: number;
  stream: string;
  text: string;
}

/** @throws LostLease */
export async function insertChunk(db: Queryable, { runId, fence }: Claim, chunk: Chunk): Promise<void> {
  const { seq, stepOrder, stream, text } = chunk;
  const rows = await db.sql`
    INSERT INTO ci_log_chunks (run_id, fence, seq, step_order, stream, text)
    SELECT run_id, fence, ${seq}, ${stepOrder}, ${stream}, ${text} FROM ci_runs
    WHERE run_id = ${runId} AND fence = ${fence} AND status = 'running' RETURNING 1`;
  if (rows.length === 0) throw new LostLease();
}

/** Chunks of a claim after a number, in order. */
export function findChunks(
  db: Queryable,
  runId: string,
  fence: number,
  after: number,
  limit: number,
): Promise<Chunk[]> {
  const { seq, stepOrder, stream, text } = ciLogChunks;
  return db.orm
    .select({ seq, stepOrder, stream, text })
    .from(ciLogChunks)
    .where(and(eq(ciLogChunks.runId, runId), eq(ciLogChunks.fence, fence), gt(seq, after)))
    .orderBy(asc(seq))
    .limit(limit);
}

/** @throws LostLease */
export async function beginStep(db: Queryable, { runId, fence }: Claim, name: string, order: number): Promise<string> {
  const rows = await db.sql<{ stepId: string }[]>`
    INSERT INTO ci_step_results (run_id, step_name, step_order)
    SELECT run_id, ${name}, ${order} FROM ci_runs
    WHERE run_id = ${runId} AND fence = ${fence} AND status = 'running' RETURNING step_id AS "stepId"`;
  if (rows[0] === undefined) throw new LostLease();
  return rows[0].stepId;
}

export interface StepEnd {
  /** Null for a step that was killed or never got to its end. */
  exitCode: number | null;
  durationMs: number;
  passed: boolean;
  stdout: string;
  stderr: string;
}

/** Rows of a claim that was replaced are gone, so this needs no fence number. */
export async function finishStep(db: Queryable, stepId: string, end: StepEnd): Promise<void> {
  await db.orm.update(ciStepResults).set(end).where(eq(ciStepResults.stepId, stepId));
}

export interface StepResult {
  name: string;
  order: number;
  exitCode: number | null;
  durationMs: number | null;
  passed: boolean;
  stdout: string | null;
  stderr: string | null;
  startedAt: Date;
}

/** Steps that have begun, in order. */
export function findSteps(db: Queryable, runId: string): Promise<StepResult[]> {
  const { stepName, stepOrder, exitCode, durationMs, passed, stdout, stderr, createdAt } = ciStepResults;
  return db.orm
    .select({ name: stepName, order: stepOrder, exitCode, durationMs, passed, stdout, stderr, startedAt: createdAt })
    .from(ciStepResults)
    .where(eq(ciStepResults.runId, runId))
    .orderBy(asc(stepOrder));
}
