/** What the routes of the admin API promise. All of them also answer below /admin. */
import { z } from 'zod';
import type { RouteDescription } from '../routing/index.js';
import * as s from './schemas.js';

type Own = Omit<RouteDescription, 'tag' | 'auth' | 'status' | 'path' | 'aliases'> & { path: string };

const number = z.string().optional();
const paged = { page: number, perPage: number };
const search = z.object({ ...paged, search: z.string().optional() });
const filter = z.string().optional();

const routes: Own[] = [
  {
    ...{ method: 'post', path: '/logout', operationId: 'adminLogout', summary: 'End the session' },
    data: s.messageData,
  },
  { method: 'get', path: '/stats', operationId: 'adminStats', summary: 'Counters', data: s.statsData },
  {
    ...{ method: 'get', path: '/agents', operationId: 'adminListAgents', summary: 'List agents' },
    query: search,
    data: s.pageData(s.agentData),
    errors: ['INVALID_PAGINATION'],
  },
  {
    ...{ method: 'get', path: '/agents/{agentId}', operationId: 'adminGetAgent', summary: 'Show an agent' },
    data: s.agentData,
    errors: ['AGENT_NOT_FOUND'],
  },
  {
    ...{ method: 'post', path: '/agents/{agentId}/suspend', operationId: 'adminSuspendAgent' },
    summary: 'Suspend an agent at once',
    body: s.suspendBody,
    data: s.agentMessage,
    errors: ['AGENT_NOT_FOUND', 'ALREADY_SUSPENDED'],
  },
  {
    ...{ method: 'post', path: '/agents/{agentId}/unsuspend', operationId: 'adminUnsuspendAgent' },
    summary: 'End a suspension',
    data: s.agentMessage,
    errors: ['AGENT_NOT_FOUND', 'NOT_SUSPENDED'],
  },
  {
    ...{ method: 'get', path: '/repos', operationId: 'adminListRepos', summary: 'List repositories' },
    query: search,
    data: s.pageData(s.repoData),
    errors: ['INVALID_PAGINATION'],
  },
  {
    ...{ method: 'get', path: '/repos/reconcile', operationId: 'adminReconcile' },
    summary: 'Find repositories that only the database or only the object store knows',
    data: s.reconcileData,
    errors: ['OBJECT_STORAGE_ERROR'],
  },
  {
    ...{ method: 'get', path: '/repos/{repoId}', operationId: 'adminGetRepo', summary: 'Show a repository' },
    data: s.repoData,
    errors: ['REPO_NOT_FOUND'],
  },
  {
    ...{ method: 'delete', path: '/repos/{repoId}', operationId: 'adminDeleteRepo' },
    summary: 'Delete a repository with everything stored for it',
    data: s.repoMessage,
    errors: ['REPO_NOT_FOUND', 'MIGRATION_IN_PROGRESS'],
  },
  {
    ...{ method: 'post', path: '/repos/{repoId}/reconnect', operationId: 'adminReconnectRepo' },
    summary: 'Rebuild the records of a repository from its stored packs',
    body: s.reconnectBody,
    data: s.repoMessage,
    errors: [
      ...(['OWNER_NOT_FOUND', 'INVALID_REPO_NAME', 'REPO_EXISTS', 'REPO_NOT_FOUND', 'NOT_ORPHANED'] as const),
      ...(['DISCONNECTION_TYPE_MISMATCH', 'CONFLICT', 'OBJECT_CORRUPTED', 'S3_OBJECT_NOT_FOUND'] as const),
    ],
  },
  {
    ...{ method: 'delete', path: '/repos/{repoId}/orphaned', operationId: 'adminDeleteOrphaned' },
    summary: 'Remove what is left of a disconnected repository',
    query: z.object({ type: z.enum(['db', 'storage']) }),
    data: s.repoMessage,
    errors: ['INVALID_TYPE', 'REPO_NOT_FOUND', 'NOT_ORPHANED', 'MIGRATION_IN_PROGRESS'],
  },
  {
    ...{ method: 'get', path: '/audit', operationId: 'adminListAudit', summary: 'The whole audit log' },
    query: z.object({
      ...paged,
      ...{ agentId: filter, action: filter, resourceType: filter, resourceId: filter },
      ...{ fromTimestamp: filter, toTimestamp: filter },
    }),
    data: s.auditData,
    errors: ['INVALID_PAGINATION'],
  },
  {
    ...{
      method: 'get',
      path: '/outbox',
      operationId: 'adminListOutbox',
      summary: 'Background work, dead letters first of all',
    },
    query: z.object({ ...paged, status: filter, topic: filter }),
    data: s.pageData(s.outboxData),
    errors: ['INVALID_PAGINATION', 'VALIDATION_ERROR'],
  },
  {
    ...{ method: 'post', path: '/outbox/{outboxId}/retry', operationId: 'adminRetryOutbox' },
    summary: 'Put a dead letter back in the queue',
    data: s.outboxMessage,
    errors: ['NOT_FOUND'],
  },
  { method: 'get', path: '/health', operationId: 'adminHealth', summary: 'Component health', data: s.healthData },
];

export const adminApi: readonly RouteDescription[] = [
  described({
    ...{ method: 'post', path: '/login', operationId: 'adminLogin', summary: 'Open a session of 24 hours' },
    body: s.loginBody,
    data: s.loginData,
    errors: ['INVALID_CREDENTIALS', 'RATE_LIMITED', 'ADMIN_NOT_CONFIGURED'],
  }),
  ...routes.map((route) =>
    described({
      ...route,
      errors: ['INVALID_TOKEN', 'SESSION_EXPIRED', 'ADMIN_NOT_CONFIGURED', ...(route.errors ?? [])],
    }),
  ),
];

function described(route: Own): RouteDescription {
  const auth = route.path === '/login' ? 'open' : 'admin';
  return {
    ...route,
    path: `/api/admin${route.path}`,
    aliases: [`/admin${route.path}`],
    tag: 'Admin',
    auth,
    status: 200,
  };
}
