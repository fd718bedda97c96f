import { type GitService, gitChallenges } from '../../auth/index.js';
import type { AppContext } from '../../context.js';
import { AppError } from '../../errors.js';
import type { AppContextOf } from '../../routing/index.js';
import { knownNames, type RepositoryNames } from './target.js';

/**
 * Runs `work`; a 401 of it tells in its headers how to prove who one is, as every 401 on a git path does: git asks its
 * helper only then. The headers name the repository as the URL does, whether it exists or not.
 */
export async function challenging<T>(
  ctx: AppContext,
  c: AppContextOf,
  names: RepositoryNames,
  service: GitService,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.status === 401) {
      const values = gitChallenges(ctx, { ...knownNames(undefined, names), service });
      // Fetch's headers would join them into one line, of which libgit2 reads only the first scheme.
      c.env.outgoing.setHeader('WWW-Authenticate', values);
    }
    throw error;
  }
}
