import { z } from 'zod';
import { nextCursor, type RouteDescription } from '../routing/index.js';
import { ROLES } from './role.js';
import { grantBody } from './schemas.js';

const tag = 'Access';
const errors = ['REPO_NOT_FOUND', 'AGENT_NOT_FOUND', 'ADMIN_REQUIRED', 'ACCESS_DENIED'] as const;

const grantView = z.object({
  repoId: z.string(),
  agentId: z.string(),
  role: z.enum(ROLES),
  action: z.literal('granted'),
});
const revokeView = z.object({
  repoId: z.string(),
  agentId: z.string(),
  role: z.null(),
  action: z.literal('revoked'),
});
const collaboratorList = z.object({
  repoId: z.string(),
  collaborators: z.array(
    z.object({
      agentId: z.string(),
      agentName: z.string(),
      role: z.enum(ROLES),
      grantedAt: z.iso.datetime({ precision: 3 }),
    }),
  ),
  nextCursor,
});
const query = z.object({ cursor: z.string().optional(), limit: z.string().optional(), perPage: z.string().optional() });

export const accessApi: readonly RouteDescription[] = [
  {
    method: 'post',
    path: '/v1/repos/{repoId}/access',
    aliases: ['/v1/repos/{repoId}/collaborators'],
    operationId: 'grantAccess',
    tag,
    summary: 'Gives an agent a role, or changes the one it has.',
    auth: 'signed',
    actions: ['access_grant'],
    role: 'admin',
    body: grantBody,
    status: 200,
    data: grantView,
    errors,
  },
  {
    method: 'delete',
    path: '/v1/repos/{repoId}/access/{agentId}',
    aliases: ['/v1/repos/{repoId}/collaborators/{agentId}'],
    operationId: 'revokeAccess',
    tag,
    summary: "Takes an agent's role away; nothing to take is a success too.",
    auth: 'signed',
    actions: ['access_revoke'],
    role: 'admin',
    body: z.object({}),
    status: 200,
    data: revokeView,
    errors,
  },
  {
    method: 'get',
    path: '/v1/repos/{repoId}/access',
    operationId: 'listAccess',
    tag,
    summary: 'Everyone with a role, owner included, oldest grant first.',
    auth: 'signed',
    actions: ['access_list'],
    role: 'read',
    query,
    body: z.object({}),
    status: 200,
    data: collaboratorList,
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED', 'INVALID_PAGINATION'],
  },
  {
    method: 'get',
    path: '/v1/repos/{repoId}/collaborators',
    operationId: 'listCollaborators',
    tag,
    summary: 'The same list; without a signature for public repositories.',
    auth: 'signed-optional',
    role: 'read',
    query,
    status: 200,
    data: collaboratorList,
    errors: ['REPO_NOT_FOUND', 'ACCESS_DENIED', 'INVALID_PAGINATION'],
  },
];
