/** Which repository and which service a git request is about, and whether the caller may use it. */
import { effectiveRole, includesRole, type Role } from '../../access/index.js';
import { authenticateGit, type GitCredential, type GitService, type RepoNames } from '../../auth/index.js';
import type { AppContext } from '../../context.js';
import { AppError } from '../../errors.js';
import { findRepositoryById, findRepositoryByName, type Repository } from '../../repos/index.js';
import { type AppContextOf, type GitWork, noteAgent, noteGit } from '../../routing/index.js';

type Credential<Kind extends GitCredential['kind']> = Extract<GitCredential, { kind: Kind }>;

/** A caller who may use the repository. */
export interface GitAccess {
  kind: 'granted';
  repo: Repository;
  credential: Credential<'anonymous' | 'token'>;
  /** Tells the log and the measurements what the request turned out to be. */
  note(work: Partial<GitWork>): void;
}

/** A caller who may push to it. */
export type PushAccess = GitAccess & { credential: Credential<'token'> };

/**
 * A push by somebody who is only claimed: the proof covers the pack. Anybody can write down the name of an agent, so
 * what the agent may do, and whether there is such a repository, must not show before the proof.
 */
export interface ClaimedAccess {
  kind: 'claimed';
  credential: Credential<'deferred'>;
  /** How the signature may name the repository, beside its other spellings. */
  repoId: string;
  /** What the agent gets to hear once it is proved; otherwise the repository is there and it may push. */
  outcome: { repo: Repository } | { refusal: AppError };
  /** As of {@link GitAccess}. */
  note(work: Partial<GitWork>): void;
}

/** How a URL names a repository: by id, or by owner and name. */
export type RepositoryNames = { repoId: string } | { owner: string; name: string };

/**
 * Finds the repository and checks the caller's role.
 *
 * Whoever shows no credentials gets a 401, for private and unknown repositories alike, and learns nothing about which
 * exist.
 * @throws AppError INVALID_SIGNATURE; ACCESS_DENIED; REPO_NOT_FOUND
 */
export async function openRepository(
  ctx: AppContext,
  c: AppContextOf,
  names: RepositoryNames,
  service: GitService,
): Promise<GitAccess> {
  const access = await open(ctx, c, names, service, false);
  if (access.kind === 'claimed') throw new Error('only a push may prove itself later');
  return access;
}

/** As {@link openRepository}, for POST git-receive-pack. */
export async function openForPush(
  ctx: AppContext,
  c: AppContextOf,
  names: RepositoryNames,
): Promise<PushAccess | ClaimedAccess> {
  const access = await open(ctx, c, names, 'git-receive-pack', true);
  if (access.kind === 'claimed') return access;
  const { credential } = access;
  if (credential.kind === 'anonymous') throw new Error('nobody in particular may push');
  return { ...access, credential };
}

async function open(
  ctx: AppContext,
  c: AppContextOf,
  names: RepositoryNames,
  service: GitService,
  isReceivePost: boolean,
): Promise<GitAccess | ClaimedAccess> {
  const finding = findRepository(ctx, names);
  const target = finding.then((found) => ({ ...knownNames(found, names), service, isReceivePost }));
  // A credential may be refused before anybody waits for this.
  target.catch(() => {});
  const credential = await authenticateGit(ctx, c.env.incoming.headers, target);
  const repo = await finding;
  const agentId = agentOf(credential);
  const note = (work: Partial<GitWork>) => noteGit(c, work);
  noteAgent(c, agentId);
  note({ repoId: repo?.repoId });
  const required = service === 'git-receive-pack' ? 'write' : 'read';
  const role = repo && (await effectiveRole(ctx.db, repo, agentId));
  if (credential.kind === 'anonymous' && (required === 'write' || role === undefined)) {
    const message = `This needs a signed credential. Run: npx gitclaw setup ${origin(c)}`;
    throw new AppError('INVALID_SIGNATURE', { message });
  }
  const outcome = decide(names, repo, role, required);
  if (credential.kind === 'deferred') {
    const known = knownNames(repo, names);
    const repoId = known.repoId ?? `${known.ownerName}/${known.name}`;
    return { kind: 'claimed', credential, repoId, outcome, note };
  }
  if ('refusal' in outcome) throw outcome.refusal;
  if (required === 'write' && credential.kind === 'token' && !credential.mayWrite) {
    throw new AppError('ACCESS_DENIED', {
      message: 'This token was signed for git-upload-pack; a push needs one for git-receive-pack.',
    });
  }
  return { kind: 'granted', repo: outcome.repo, credential, note };
}

function agentOf(credential: GitCredential): string | undefined {
  if (credential.kind === 'token') return credential.principal.agentId;
  return credential.kind === 'deferred' ? credential.claimed.agentId : undefined;
}

function decide(
  names: RepositoryNames,
  repo: Repository | undefined,
  role: Role | undefined,
  required: 'read' | 'write',
): ClaimedAccess['outcome'] {
  if (repo === undefined) return { refusal: new AppError('REPO_NOT_FOUND', { details: { ...names } }) };
  if (role !== undefined && includesRole(role, required)) return { repo };
  const details = { repoId: repo.repoId, requiredRole: required, currentRole: role ?? null };
  const message = `The agent needs the role ${required} on ${repo.ownerName}/${repo.name}.`;
  return { refusal: new AppError('ACCESS_DENIED', { message, details }) };
}

export function findRepository(ctx: AppContext, names: RepositoryNames): Promise<Repository | undefined> {
  return 'repoId' in names
    ? findRepositoryById(ctx.db.brief, names.repoId)
    : findRepositoryByName(ctx.db.brief, names.owner, names.name);
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
