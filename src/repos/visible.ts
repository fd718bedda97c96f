import { effectiveRole } from '../access/index.js';
import { optionalPrincipal } from '../auth/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { type AppContextOf, noteAgent, readRequest } from '../routing/index.js';
import type { Repository } from './store.js';

/**
 * The repository if this request may read it. Without credentials only public ones exist, and to a stranger's
 * credentials a private one does not exist either.
 * @param found the looked-up repository
 * @param asked what the client named, for the details of the error
 * @throws AppError REPO_NOT_FOUND; what the auth room throws for wrong credentials
 */
export async function visibleRepository(
  ctx: AppContext,
  c: AppContextOf,
  found: Repository | undefined,
  asked: Record<string, string>,
): Promise<Repository> {
  const principal = await optionalPrincipal(ctx, await readRequest(c), found);
  noteAgent(c, principal?.agentId);
  const role = found && (await effectiveRole(ctx.db, found, principal?.agentId));
  if (found === undefined || role === undefined) throw new AppError('REPO_NOT_FOUND', { details: asked });
  return found;
}
