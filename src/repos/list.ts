import { z } from 'zod';
import { optionalPrincipal } from '../auth/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import {
  type AppContextOf,
  cursorPage,
  cutPage,
  microseconds,
  noteAgent,
  readRequest,
  signedRead,
} from '../routing/index.js';
import { keyOf, type ListedRepository, listRepositories, type RepositoryFilter } from './list-store.js';

/** Longer texts are found nowhere: names end at 256 characters. */
const MAX_SEARCH_LENGTH = 256;
const SEARCH_PAGE = 50;
const MAX_PAGE = 100;

const cursorKey = z.tuple([
  microseconds,
  z
    .string()
    .min(1)
    .max(64)
    .refine((id) => !id.includes('\0')),
]);

/**
 * With `search`: the repositories that the caller may see and that match, for anyone. Without: all repositories of the
 * signer. Newest first.
 * @throws AppError INVALID_SIGNATURE for the unsigned list of own repositories, INVALID_PAGINATION, VALIDATION_ERROR
 */
export async function listForCaller(
  ctx: AppContext,
  c: AppContextOf,
): Promise<{ rows: readonly ListedRepository[]; nextCursor: string | null }> {
  const query = new URL(c.req.url).searchParams;
  const search = query.get('search')?.trim();
  const isSearch = search !== undefined;
  const filter = isSearch ? await searchFilter(ctx, c, search) : await ownFilter(ctx, c);
  const page = cursorPage(query, cursorKey, { fallback: isSearch ? SEARCH_PAGE : undefined, max: MAX_PAGE });
  return cutPage(await listRepositories(ctx.db, filter, page), page.limit, keyOf);
}

async function ownFilter(ctx: AppContext, c: AppContextOf): Promise<RepositoryFilter> {
  const { principal } = await signedRead(c, ctx, { actions: ['repo_list'], ids: {}, flatBody: () => ({}) });
  return { ownerId: principal.agentId };
}

async function searchFilter(ctx: AppContext, c: AppContextOf, search: string): Promise<RepositoryFilter> {
  const viewer = await optionalPrincipal(ctx, await readRequest(c));
  noteAgent(c, viewer?.agentId);
  if (search.includes('\0')) {
    throw new AppError('VALIDATION_ERROR', {
      message: 'search contains the character U+0000.',
      details: { field: 'search' },
    });
  }
  return { search: search.slice(0, MAX_SEARCH_LENGTH), viewerId: viewer?.agentId };
}
