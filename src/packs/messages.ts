/** What passes between the event loop and the workers. Structured cloning strips errors of their fields, hence results. */
import type { MessagePort } from 'node:worker_threads';
import { AppError, type ErrorCode } from '../errors.js';
import type { Oid } from '../git/oid.js';
import type {
  BuildRequest,
  CombineRequest,
  DanglingRequest,
  DiffRequest,
  IndexRequest,
  LocalPack,
  LocalWrite,
  LooseFolder,
  MergeRequest,
  ReachRequest,
} from './contract.js';
import type { Gate } from './gate.js';

export type Task =
  | { kind: 'index'; request: IndexRequest; port: MessagePort }
  | { kind: 'build'; request: BuildRequest }
  | { kind: 'reach'; request: ReachRequest }
  | { kind: 'combine'; request: CombineRequest }
  | { kind: 'dangling'; request: DanglingRequest }
  | { kind: 'read'; packs: LocalPack[]; oid: Oid }
  | { kind: 'diff'; request: DiffRequest }
  | { kind: 'merge'; request: MergeRequest }
  | { kind: 'store'; write: LocalWrite; gate: Gate }
  | { kind: 'unpack'; pack: LocalPack; from: number; folder: string; into: LooseFolder | undefined };

export interface Failure {
  code: ErrorCode;
  message: string;
  details: Record<string, unknown> | undefined;
  /** For the log only. */
  stack: string | undefined;
}

export type Result<T> = { ok: true; value: T } | { ok: false; failure: Failure };

/** A worker's question for a base, and the answer: the pack to read it from. */
export interface BaseQuestion {
  oid: Oid;
}
export type BaseAnswer = Result<LocalPack | undefined>;

/** What is unexpected becomes INTERNAL_ERROR: its own message may hold paths. */
export function toFailure(error: unknown): Failure {
  const stack = error instanceof Error ? error.stack : String(error);
  if (error instanceof AppError) return { code: error.code, message: error.message, details: error.details, stack };
  const { code, message } = new AppError('INTERNAL_ERROR');
  return { code, message, details: undefined, stack };
}

export function fromFailure(failure: Failure): AppError {
  const { code, message, details, stack } = failure;
  return new AppError(code, { message, cause: stack, ...(details === undefined ? {} : { details }) });
}

/** The value of a result. @throws AppError */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw fromFailure(result.failure);
}

/** Runs `work` and catches what it throws. */
export async function attempt<T>(work: () => Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, failure: toFailure(error) };
  }
}
