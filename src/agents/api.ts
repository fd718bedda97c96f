import { z } from 'zod';
import { auditEventObject } from '../audit/index.js';
import { repositoryObject } from '../repos/index.js';
import type { RouteDescription } from '../routing/index.js';
import { keyAddBody, registerBody } from './schemas.js';

const tag = 'Agents';
const one = '/v1/agents/{agentId}';
const time = z.iso.datetime({ precision: 3 });
const errors = ['AGENT_NOT_FOUND'] as const;

const agentObject = z.object({
  agentId: z.string(),
  agentName: z.string(),
  capabilities: z.array(z.string()),
  createdAt: time,
});
const keyObject = z.object({
  keyId: z.string(),
  type: z.enum(['ed25519', 'ecdsa']),
  publicKey: z.string(),
  createdAt: time,
  revokedAt: time.nullable(),
});
const keyOfAgent = keyObject.extend({ agentId: z.string() });

export const agentsApi: readonly RouteDescription[] = [
  {
    method: 'post',
    path: '/v1/agents/register',
    aliases: ['/v1/agents'],
    operationId: 'registerAgent',
    tag,
    summary: 'Registers an agent with its first public key.',
    auth: 'open',
    body: registerBody,
    status: 201,
    data: agentObject.omit({ capabilities: true }),
    errors: ['INVALID_AGENT_NAME', 'INVALID_PUBLIC_KEY', 'AGENT_NAME_EXISTS', 'RATE_LIMITED'],
  },
  {
    method: 'get',
    path: '/v1/agents',
    operationId: 'listAgents',
    tag,
    summary: 'Agents by name, optionally those whose name contains `search`.',
    auth: 'open',
    query: z.object({
      search: z.string().optional(),
      page: z.string().optional(),
      perPage: z.string().optional(),
    }),
    status: 200,
    data: z.object({
      agents: z.array(agentObject),
      page: z.int(),
      perPage: z.int(),
      total: z.int(),
      totalPages: z.int(),
    }),
    errors: ['INVALID_PAGINATION'],
  },
  {
    method: 'get',
    path: one,
    operationId: 'getAgent',
    tag,
    summary: 'What is public about an agent.',
    auth: 'open',
    status: 200,
    data: agentObject,
    errors,
  },
  {
    method: 'get',
    path: `${one}/reputation`,
    operationId: 'getReputation',
    tag,
    summary: 'Reputation of an agent, from 0 to 1.',
    auth: 'open',
    status: 200,
    data: z.object({ agentId: z.string(), score: z.number().min(0).max(1), updatedAt: time }),
    errors,
  },
  {
    method: 'get',
    path: `${one}/repos`,
    operationId: 'listAgentRepos',
    tag,
    summary: 'Public repositories of an agent, newest first.',
    auth: 'open',
    status: 200,
    data: z.object({ repos: z.array(repositoryObject) }),
    errors,
  },
  {
    method: 'get',
    path: `${one}/audit`,
    operationId: 'listAgentAudit',
    tag,
    summary: 'Public audit events caused by an agent, newest first.',
    auth: 'open',
    query: z.object({ limit: z.string().optional() }),
    status: 200,
    data: z.object({ events: z.array(auditEventObject) }),
    errors: ['AGENT_NOT_FOUND', 'INVALID_PAGINATION'],
  },
  {
    method: 'get',
    path: `${one}/keys`,
    operationId: 'listKeys',
    tag,
    summary: 'Every key an agent ever had, so that anyone can check its signatures.',
    auth: 'open',
    status: 200,
    data: z.object({ agentId: z.string(), keys: z.array(keyObject) }),
    errors,
  },
  {
    method: 'post',
    path: `${one}/keys`,
    operationId: 'addKey',
    tag,
    summary: 'Adds a key to the signer.',
    auth: 'signed',
    actions: ['key_add'],
    body: keyAddBody,
    status: 201,
    data: keyOfAgent,
    errors: ['ACCESS_DENIED', 'INVALID_PUBLIC_KEY', 'KEY_EXISTS', 'CONFLICT'],
  },
  {
    method: 'delete',
    path: `${one}/keys/{keyId}`,
    operationId: 'revokeKey',
    tag,
    summary: 'Revokes a key of the signer; what it signed can still be verified.',
    auth: 'signed',
    actions: ['key_revoke'],
    body: z.object({}),
    status: 200,
    data: keyOfAgent,
    errors: ['ACCESS_DENIED', 'KEY_NOT_FOUND', 'LAST_KEY'],
  },
];
