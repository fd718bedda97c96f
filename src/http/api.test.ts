import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { newAgent, newRepository, send, signedRequest, startTestApp, type TestApp } from '../../test/support/http.js';
import { accessApi } from '../access/index.js';
import { agentsApi } from '../agents/index.js';
import { forksApi } from '../forks/index.js';
import { protectionApi } from '../protection/index.js';
import { reposApi } from '../repos/index.js';
import { generateKey, type JsonObject } from '../signing/index.js';
import { createApp, httpApi } from './index.js';

const all = [...httpApi, ...agentsApi, ...reposApi, ...accessApi, ...protectionApi, ...forksApi];
const described = (operationId: string) => all.find((route) => route.operationId === operationId)!;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

describe('descriptions', () => {
  it('name routes that are there, each once', () => {
    const openApiPath = (path: string) =>
      path.replace(/:(\w+)(?:\{[^}]*\})?/g, '{$1}').replaceAll('{repo}', '{repoId}');
    const routes = createApp(app.ctx).routes.filter(({ method }) => method !== 'ALL');
    const served = new Set(
      routes.map(({ method, path }) => `${method.toLowerCase()} ${openApiPath(path).replace(/(.)\/$/, '$1')}`),
    );
    const promised = all.flatMap(({ method, path, aliases = [] }) =>
      [path, ...aliases].map((each) => `${method} ${each}`),
    );
    expect(new Set(promised).size).toBe(promised.length);
    expect(promised.filter((route) => !served.has(route))).toEqual([]);
    expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(all.length);
  });

  it('can be written as JSON schema', () => {
    for (const { operationId, data, body, query } of all) {
      for (const [schema, io] of [
        [data, 'output'],
        [body, 'input'],
        [query, 'input'],
      ] as const) {
        if (schema === undefined) continue;
        expect([operationId, z.toJSONSchema(schema, { io })]).toMatchObject([
          operationId,
          { $schema: expect.any(String) },
        ]);
      }
    }
  });

  it('say exactly what leaves', async () => {
    const agent = await newAgent(app);
    const other = await newAgent(app);
    const { repoId, name } = await newRepository(app, agent);
    const { agentId } = agent;
    const { publicKey } = generateKey('ecdsa');
    const added = await signedRequest(app, agent, 'POST', `/v1/agents/${agentId}/keys`, {
      action: 'key_add',
      body: { publicKey },
    });
    const { eventId } = (await send(app.url, `/v1/audit?agent_id=${agentId}`)).json.data.events[0];
    const signed = (method: string, path: string, action: string, body: JsonObject = {}) =>
      signedRequest(app, agent, method, path, { action, body });
    const register = { agentName: `agent-${randomUUID()}`, publicKey: generateKey('ed25519').publicKey };
    const grant = { targetAgentId: other.agentId, role: 'read' };
    const answers = {
      registerAgent: await send(app.url, '/v1/agents', { method: 'POST', body: register }),
      listAgents: await send(app.url, '/v1/agents?perPage=1'),
      getAgent: await send(app.url, `/v1/agents/${agentId}`),
      getReputation: await send(app.url, `/v1/agents/${agentId}/reputation`),
      listAgentRepos: await send(app.url, `/v1/agents/${agentId}/repos`),
      listAgentAudit: await send(app.url, `/v1/agents/${agentId}/audit`),
      listKeys: await send(app.url, `/v1/agents/${agentId}/keys`),
      addKey: added,
      revokeKey: await signed('DELETE', `/v1/agents/${agentId}/keys/${added.json.data.keyId}`, 'key_revoke'),
      listRepos: await signed('GET', '/v1/repos', 'repo_list'),
      getRepo: await send(app.url, `/v1/repos/${repoId}`),
      getRepoByName: await send(app.url, `/v1/repos/${agent.agentName}/${name}`),
      listRepoAudit: await send(app.url, `/v1/repos/${repoId}/audit`),
      grantAccess: await signed('POST', `/v1/repos/${repoId}/access`, 'access_grant', grant),
      listAccess: await signed('GET', `/v1/repos/${repoId}/access`, 'access_list'),
      listCollaborators: await send(app.url, `/v1/repos/${repoId}/collaborators`),
      revokeAccess: await signed('DELETE', `/v1/repos/${repoId}/access/${other.agentId}`, 'access_revoke'),
      listAudit: await send(app.url, '/v1/audit?limit=2'),
      getAuditEvent: await send(app.url, `/v1/audit/${eventId}`),
      health: await send(app.url, '/health'),
      deleteRepo: await signed('DELETE', `/v1/repos/${repoId}`, 'repo_delete'),
    };
    for (const [operationId, { status, json }] of Object.entries(answers)) {
      const route = described(operationId);
      const value = route.bare ? json : json.data;
      // Unknown keys are dropped by parse, so equality means that there are none.
      expect([operationId, status, route.data.parse(value)]).toEqual([operationId, route.status, value]);
    }
  });
});
