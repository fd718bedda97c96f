import { repositoryObject } from '../repos/index.js';
import type { RouteDescription } from '../routing/index.js';
import { forkBody } from './schemas.js';

export const forksApi: readonly RouteDescription[] = [
  {
    method: 'post',
    path: '/v1/repos/{repoId}/fork',
    operationId: 'forkRepo',
    tag: 'Repositories',
    summary:
      'Makes a repository of the signer out of this one; objects are shared. A fork of a private one is private.',
    auth: 'signed',
    actions: ['repo_fork'],
    role: 'read',
    body: forkBody,
    status: 201,
    data: repositoryObject,
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED', 'INVALID_REPO_NAME', 'REPO_EXISTS', 'CONFLICT'],
  },
];
