import { z } from 'zod';
import type { AppContext } from '../context.js';
import { forEachParallel } from '../parallel.js';
import type { Repository } from '../repos/index.js';
import { check, cutPage, paging, readCursor } from '../routing/index.js';
import { listQuery } from './schemas.js';
import { showPulls } from './show.js';
import { countPulls, findPublicPullsOf, findPulls } from './store.js';
import type { PullView } from './view.js';

/** Clients that know no paging get everything up to this. */
const UNPAGED = 1000;

/** Sort key of a cursor: the number of a pull request. */
const CURSOR_KEY = z.int().min(1);

/** Repositories whose pull requests are computed at once for one agent's list. */
const LANES = 2;

export interface PullList {
  pulls: PullView[];
  /** Of all pages. */
  total: number;
  page: number;
  perPage: number;
  nextCursor: string | null;
}

/**
 * Pull requests of a repository, newest first. With `cursor` the list goes on where the answer before ended, whatever
 * came in between; `page` counts nothing then.
 * @throws AppError VALIDATION_ERROR for an unknown status, INVALID_PAGINATION
 */
export async function listPulls(ctx: AppContext, repo: Repository, query: URLSearchParams): Promise<PullList> {
  const given = (name: string) => query.get(name) || undefined;
  const filter = check(listQuery, { status: given('status'), authorId: given('authorId') });
  const before = readCursor(query, CURSOR_KEY);
  const isPaged = ['page', 'perPage', 'cursor'].some((name) => given(name) !== undefined);
  const { page, perPage, offset } = isPaged ? paging(query) : { page: 1, perPage: UNPAGED, offset: 0 };
  const range = before === undefined ? { offset } : { before };
  const [found, total] = await Promise.all([
    findPulls(ctx.db, repo.repoId, filter, { limit: perPage + 1, ...range }),
    countPulls(ctx.db, repo.repoId, filter),
  ]);
  const { rows, nextCursor } = cutPage(found, perPage, (pull) => pull.number);
  const pulls = await showPulls(ctx, repo, rows);
  return { pulls, total, page: before === undefined ? page : 1, perPage, nextCursor };
}

/** Pull requests by an agent in public repositories, newest first. @param limit at most so many */
export async function listPullsOf(ctx: AppContext, authorId: string, limit: number): Promise<PullView[]> {
  const found = await findPublicPullsOf(ctx.db, authorId, limit);
  const repos = new Map(found.map(({ pull, refsVersion }) => [pull.repoId, refsVersion]));
  const shown = new Map<string, PullView>();
  await forEachParallel([...repos], LANES, async ([repoId, refsVersion]) => {
    const pulls = found.map(({ pull }) => pull).filter((pull) => pull.repoId === repoId);
    for (const view of await showPulls(ctx, { repoId, refsVersion }, pulls)) shown.set(view.prId, view);
  });
  return found.flatMap(({ pull }) => shown.get(pull.prId) ?? []);
}
