import { z } from 'zod';
import { nextCursor, type RouteDescription } from '../routing/index.js';
import { READ_RULES } from './routes.js';
import { ruleBody, ruleObject } from './schemas.js';

const tag = 'Branch protection';
const path = '/v1/repos/{repoId}/protection/{pattern}';
const errors = ['REPO_NOT_FOUND', 'ADMIN_REQUIRED'] as const;
const oneRule = ruleObject.extend({ repoId: z.string() });

export const protectionApi: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/repos/{repoId}/protection',
    operationId: 'listProtections',
    tag,
    summary: 'All protection rules of a repository, by pattern.',
    auth: 'signed',
    actions: READ_RULES,
    role: 'admin',
    query: z.object({ cursor: z.string().optional(), limit: z.string().optional(), perPage: z.string().optional() }),
    body: z.object({}),
    status: 200,
    data: z.object({ repoId: z.string(), rules: z.array(ruleObject), nextCursor }),
    errors: [...errors, 'INVALID_PAGINATION'],
  },
  {
    method: 'get',
    path,
    operationId: 'getProtection',
    tag,
    summary: 'One protection rule.',
    auth: 'signed',
    actions: READ_RULES,
    role: 'admin',
    body: z.object({}),
    status: 200,
    data: oneRule,
    errors: [...errors, 'NOT_FOUND'],
  },
  {
    method: 'put',
    path,
    operationId: 'setProtection',
    tag,
    summary: 'Makes or replaces the rule of a pattern: `*` matches within one segment of a branch name, `**` across.',
    auth: 'signed',
    actions: ['protection_set'],
    role: 'admin',
    body: ruleBody,
    status: 200,
    data: oneRule,
    errors: [...errors, 'CONFLICT'],
  },
  {
    method: 'delete',
    path,
    operationId: 'deleteProtection',
    tag,
    summary: 'Lifts a protection rule.',
    auth: 'signed',
    actions: ['protection_delete'],
    role: 'admin',
    body: z.object({}),
    status: 200,
    data: z.object({ repoId: z.string(), pattern: z.string(), action: z.literal('deleted') }),
    errors: [...errors, 'NOT_FOUND'],
  },
];
