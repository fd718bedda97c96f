import type { Repository } from './store.js';

/** The repository object of the contract; `starCount` and `stars` are two spellings of one number. */
export interface RepositoryView {
  repoId: string;
  name: string;
  ownerId: string;
  ownerName: string;
  description: string | null;
  visibility: 'public' | 'private';
  defaultBranch: string;
  cloneUrl: string;
  starCount: number;
  stars: number;
  createdAt: string;
  /** Id of the repository this one was forked from. */
  forkedFrom: string | null;
  /** What pushes are asked for: `off`, `if-present` or `required`, see git push --signed. */
  pushCertPolicy: Repository['pushCertPolicy'];
}

/** @param base URL without a slash at its end, see baseUrl of the routing room */
export function repositoryView(
  repo: Omit<Repository, 'refsVersion' | 'packsVersion' | 'collectedVersion'>,
  base: string,
): RepositoryView {
  return {
    repoId: repo.repoId,
    name: repo.name,
    ownerId: repo.ownerId,
    ownerName: repo.ownerName,
    description: repo.description,
    visibility: repo.visibility,
    defaultBranch: repo.defaultBranch,
    cloneUrl: `${base}/${repo.ownerName}/${repo.name}.git`,
    starCount: repo.stars,
    stars: repo.stars,
    createdAt: repo.createdAt.toISOString(),
    forkedFrom: repo.forkedFrom,
    pushCertPolicy: repo.pushCertPolicy,
  };
}
