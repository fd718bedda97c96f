/** Descriptions of the routes that http itself serves: the service, the public audit log, git over smart HTTP. */
import { z } from 'zod';
import { auditEventObject } from '../audit/index.js';
import { nextCursor, type RouteDescription } from '../routing/index.js';
import { gitApi } from './git/api.js';

function healthObject(status: string[], parts: string[]) {
  return z.object({
    status: z.enum(status),
    service: z.literal('gitclaw'),
    ...(parts.length > 0 && { failing: z.array(z.enum(parts)).optional() }),
  });
}

export const serviceApi: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/health',
    aliases: ['/v1/health'],
    operationId: 'health',
    tag: 'Service',
    summary:
      'Whether the node can serve; 503 with `unhealthy` and the parts in `failing` when its database or its object store ' +
      'does not answer.',
    auth: 'open',
    status: 200,
    data: healthObject(['healthy', 'unhealthy'], ['database', 'object_storage']),
    bare: true,
  },
  {
    method: 'get',
    path: '/health/live',
    operationId: 'healthLive',
    tag: 'Service',
    summary: 'Whether the process answers at all, whatever it depends on; for whoever restarts it.',
    auth: 'open',
    status: 200,
    data: healthObject(['alive'], []),
    bare: true,
  },
  {
    method: 'get',
    path: '/health/ready',
    operationId: 'healthReady',
    tag: 'Service',
    summary:
      'Whether the node should get requests; 503 with the parts in `failing`, which are `draining` once it was told to ' +
      'stop, and `migrations` when the database has another schema. For load balancers.',
    auth: 'open',
    status: 200,
    data: healthObject(['ready', 'not_ready'], ['draining', 'database', 'object_storage', 'migrations']),
    bare: true,
  },
  {
    method: 'get',
    path: '/metrics',
    operationId: 'metrics',
    tag: 'Service',
    summary: 'Measurements in the text format of Prometheus, unless METRICS_ENABLED is false.',
    auth: 'open',
    status: 200,
    data: z.string(),
    bare: true,
    contentType: 'text/plain',
    errors: ['NOT_FOUND'],
  },
];

export const auditApi: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/audit',
    operationId: 'listAudit',
    tag: 'Audit',
    summary: 'The public audit log, newest first. Names of filters may be written in camelCase too.',
    auth: 'open',
    query: z.object({
      agent_id: z.string().optional(),
      resource_type: z.string().optional(),
      resource_id: z.string().optional(),
      repo_id: z.string().optional(),
      action: z.string().optional(),
      from: z.iso.datetime({ offset: true }).optional(),
      to: z.iso.datetime({ offset: true }).optional(),
      limit: z.string().optional(),
      offset: z.string().optional(),
      cursor: z.string().optional(),
    }),
    status: 200,
    data: z.object({
      events: z.array(auditEventObject),
      total: z.int(),
      limit: z.int(),
      offset: z.int(),
      hasMore: z.boolean(),
      nextCursor,
    }),
    errors: ['INVALID_PAGINATION'],
  },
  {
    method: 'get',
    path: '/v1/audit/export',
    operationId: 'exportAudit',
    tag: 'Audit',
    summary:
      'The log as JSON Lines that `gitclaw verify` checks offline: public chains, one repository, or everything for an ' +
      'operator. Content that is not for the reader is reduced to its hashes, and so is what was signed within the time ' +
      'in which a request may be repeated. The last line holds the cursor of the next page.',
    auth: 'open',
    query: z.object({ repoId: z.string().optional(), limit: z.string().optional(), cursor: z.string().optional() }),
    status: 200,
    data: z.string(),
    bare: true,
    contentType: 'application/x-ndjson',
    errors: [
      ...([
        'INVALID_PAGINATION',
        'REPO_NOT_FOUND',
        'INVALID_TOKEN',
        'SESSION_EXPIRED',
        'ADMIN_NOT_CONFIGURED',
      ] as const),
      ...([
        'INVALID_SIGNATURE',
        'SIGNATURE_EXPIRED',
        'SUSPENDED_AGENT',
        'AGENT_NOT_FOUND',
        'VALIDATION_ERROR',
      ] as const),
      'PAYLOAD_TOO_LARGE',
    ],
  },
  {
    method: 'get',
    path: '/v1/audit/checkpoints',
    operationId: 'listCheckpoints',
    tag: 'Audit',
    summary:
      "The server's signed statements about the ends of all chains, oldest first. Keep them: with them a later export " +
      'shows whether history was rewritten.',
    auth: 'open',
    query: z.object({ limit: z.string().optional(), cursor: z.string().optional() }),
    status: 200,
    data: z.object({
      publicKey: z.string(),
      checkpoints: z.array(z.object({ number: z.int(), payload: z.string(), signature: z.string() })),
      nextCursor,
    }),
    errors: ['INVALID_PAGINATION'],
  },
  {
    method: 'get',
    path: '/v1/audit/{eventId}',
    operationId: 'getAuditEvent',
    tag: 'Audit',
    summary: 'One event of the public audit log.',
    auth: 'open',
    status: 200,
    data: auditEventObject,
    errors: ['NOT_FOUND', 'VALIDATION_ERROR'],
  },
];

export const httpApi: readonly RouteDescription[] = [...serviceApi, ...auditApi, ...gitApi];
