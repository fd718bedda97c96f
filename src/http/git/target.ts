/** Which repository and which service a git request is about, and whether the caller may use it. */
import { effectiveRole, includesRole } from '../../access/index.js';
import {
  authenticateGit,
  type GitCredential,
  type GitService,
  gitChallenges,
  type RepoNames,
} from '../../auth/index.js';
import type { AppContext } from '../../context.js';
import { AppError } from '../../errors.js';
import { findRepositoryById, findRepositoryByName, type Repository } from '../../repos/index.js';
import { type AppContextOf, noteAgent } from '../../routing/index.js';

export interface GitAccess {
  repo: Repository;
  credential: GitCredential;
}

/** How a URL names a repository: by id, or by owner and name. */
export type RepositoryNames = { repoId: string } | { owner: string; name: string };

/**
 * Finds the repository and checks the caller's role.
 *
 * Git shows a login prompt, or asks its helper, only after a 401; so whoever shows no credentials gets one, for private
 * and unknown repositories alike, and learns nothing about which exist.
 * @throws AppError INVALID_SIGNATURE with the challenges set on the answer; ACCESS_DENIED; REPO_NOT_FOUND
 */
export async function openRepository(
  ctx: AppContext,
  c: AppContextOf,
  names: RepositoryNames,
  service: GitService,
  isReceivePost: boolean,
): Promise<GitAccess> {
  const repo = await findRepository(ctx, names);
  const target = { ...knownNames(repo, names), service, isReceivePost };
  const challenge = async (error: AppError): Promise<AppError> => {
    for (const value of await gitChallenges(ctx, target)) c.header('WWW-Authenticate', value, { append: true });
    return error;
  };
  const credential = await authenticateGit(ctx, c.env.incoming.headers, target).catch(async (error: unknown) => {
    throw error instanceof AppError && error.status === 401 ? await challenge(error) : error;
  });
  const agentId =
    credential.kind === 'token'
      ? credential.principal.agentId
      : credential.kind === 'deferred'
        ? credential.claimed.agentId
        : undefined;
  noteAgent(c, agentId);
  const required = service === 'git-receive-pack' ? 'write' : 'read';
  const role = repo && (await effectiveRole(ctx.db, repo, agentId));
  if (credential.kind === 'anonymous' && (required === 'write' || role === undefined)) {
    const message = `This needs a signed credential. Run: npx gitclaw setup ${origin(c)}`;
    throw await challenge(new AppError('INVALID_SIGNATURE', { message }));
  }
  if (repo === undefined) throw new AppError('REPO_NOT_FOUND', { details: { ...names } });
  if (role === undefined || !includesRole(role, required)) {
    const details = { repoId: repo.repoId, requiredRole: required, currentRole: role ?? null };
    throw new AppError('ACCESS_DENIED', {
      message: `The agent needs the role ${required} on ${repo.ownerName}/${repo.name}.`,
      details,
    });
  }
  if (required === 'write' && credential.kind === 'token' && !credential.mayWrite) {
    throw new AppError('ACCESS_DENIED', {
      message: 'This token was signed for git-upload-pack; a push needs one for git-receive-pack.',
    });
  }
  return { repo, credential };
}

export function findRepository(ctx: AppContext, names: RepositoryNames): Promise<Repository | undefined> {
  return 'repoId' in names
    ? findRepositoryById(ctx.db, names.repoId)
    : findRepositoryByName(ctx.db, names.owner, names.name);
}

/** Every name of the repository that is known: all of one that exists, otherwise what the URL says. */
export function knownNames(repo: Repository | undefined, names: RepositoryNames): RepoNames {
  if (repo !== undefined) {
    return { repoId: repo.repoId, ownerName: repo.ownerName, ownerId: repo.ownerId, name: repo.name };
  }
  return 'repoId' in names ? { repoId: names.repoId } : { ownerName: names.owner, name: names.name };
}

function origin(c: AppContextOf): string {
  return `http://${c.env.incoming.headers.host ?? 'HOST'}`;
}
