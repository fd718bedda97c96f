/** Walks the repositories in order of their ids, a number of them per round. */
import type { AppContext } from '../context.js';
import { AppError, type ErrorCode } from '../errors.js';
import { type Drift, MAX_DRIFTS, type Round } from './contract.js';
import { selectRepositoryIds } from './store.js';

/** Failures that say nothing about the repository at hand; the round is given up and comes again. */
const OUTAGES: ReadonlySet<ErrorCode> = new Set([
  'DATABASE_ERROR',
  'S3_CONNECTION_ERROR',
  'S3_RATE_LIMITED',
  'S3_ACCESS_DENIED',
  'S3_BUCKET_NOT_FOUND',
  'OBJECT_STORAGE_ERROR',
]);

/**
 * @param check adds what it finds to `drifts`, and returns how many things it looked at; when it fails on one repository,
 *   the others are looked at all the same
 * @throws AppError when database or object store are not there
 */
export async function eachRepository(
  ctx: AppContext,
  { cursor, limit, stop }: { cursor: string; limit: number; stop: AbortSignal },
  check: (repoId: string, drifts: Drift[]) => Promise<number>,
): Promise<Round> {
  const drifts: Drift[] = [];
  let itemsChecked = 0;
  let last = cursor;
  const repoIds = await selectRepositoryIds(ctx.db, cursor, limit);
  for (const repoId of repoIds) {
    if (stop.aborted || drifts.length >= MAX_DRIFTS) return { drifts, itemsChecked, cursor: last };
    try {
      itemsChecked += await check(repoId, drifts);
    } catch (error) {
      if (error instanceof AppError && OUTAGES.has(error.code)) throw error;
      ctx.log.warn({ repoId, err: error }, 'a repository could not be checked');
    }
    last = repoId;
  }
  return { drifts, itemsChecked, cursor: repoIds.length < limit ? '' : last };
}
