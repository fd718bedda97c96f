import type { RouteDescription } from '../routing/index.js';
import { branchList, commitList, commitsQuery, contentsQuery, contentsView, treeQuery, treeView } from './schemas.js';

const READ = { method: 'get', tag: 'Browse', auth: 'signed-optional', role: 'read', status: 200 } as const;

export const browseApi: RouteDescription[] = [
  {
    ...READ,
    path: '/v1/repos/{repoId}/branches',
    operationId: 'listBranches',
    summary: 'Branches of a repository',
    data: branchList,
    errors: ['REPO_NOT_FOUND'],
  },
  {
    ...READ,
    path: '/v1/repos/{repoId}/commits',
    operationId: 'listCommits',
    summary: 'History of a branch, newest first',
    query: commitsQuery,
    data: commitList,
    errors: ['REPO_NOT_FOUND', 'REF_NOT_FOUND', 'INVALID_PAGINATION'],
  },
  {
    ...READ,
    path: '/v1/repos/{repoId}/tree',
    operationId: 'listTree',
    summary: 'Entries of a directory',
    query: treeQuery,
    data: treeView,
    errors: ['REPO_NOT_FOUND', 'REF_NOT_FOUND', 'NOT_FOUND', 'PAYLOAD_TOO_LARGE'],
  },
  {
    ...READ,
    path: '/v1/repos/{repoId}/contents/{path}',
    operationId: 'readContents',
    summary: 'One file',
    query: contentsQuery,
    data: contentsView,
    errors: ['REPO_NOT_FOUND', 'REF_NOT_FOUND', 'NOT_FOUND', 'PAYLOAD_TOO_LARGE'],
  },
];
