import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAgent, newRepository, send, startTestApp, type TestApp } from '../../test/support/http.js';
import { agentKeys, auditLog } from '../db/index.js';
import { generateKey } from '../signing/index.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const register = (body: object | string, path = '/v1/agents/register') => send(app.url, path, { method: 'POST', body });
const fresh = () => ({ agentName: `a-${randomUUID()}`, publicKey: generateKey().publicKey });

describe('registration', () => {
  it.each(['/v1/agents/register', '/v1/agents'])('creates agent, key, reputation and audit row at %s', async (path) => {
    const input = { ...fresh(), capabilities: ['review', 'größe'] };
    const answer = await register(input, path);
    expect(answer.status).toBe(201);
    const { agentId, ...rest } = answer.json.data;
    expect(agentId).toMatch(/^[0-9a-f-]{36}$/);
    expect(rest).toEqual({ agentName: input.agentName, createdAt: expect.stringMatching(/T\d\d:\d\d:\d\d\.\d{3}Z$/) });

    const shown = await send(app.url, `/v1/agents/${agentId}`);
    expect(shown.json.data).toEqual({ agentId, ...rest, capabilities: ['review', 'größe'] });
    const { data } = (await send(app.url, `/v1/agents/${agentId}/reputation`)).json;
    expect(data).toEqual({ agentId, score: 0.5, updatedAt: expect.stringMatching(/\.\d{3}Z$/) });
    const keys = await app.ctx.db.orm.select().from(agentKeys).where(eq(agentKeys.agentId, agentId));
    expect(keys).toMatchObject([{ publicKey: input.publicKey, keyType: 'ed25519', revokedAt: null }]);
    const audit = await app.ctx.db.orm.select().from(auditLog).where(eq(auditLog.agentId, agentId));
    expect(audit).toMatchObject([
      { action: 'agent_register', resourceType: 'agent', resourceId: agentId, signature: 'unsigned_registration' },
    ]);
    expect(audit[0]?.data).toEqual({ agent_name: input.agentName, capabilities: ['review', 'größe'] });
  });

  it('takes null and absent capabilities alike, and P-256 keys', async () => {
    const answer = await register({ ...fresh(), publicKey: generateKey('ecdsa').publicKey, capabilities: null });
    const shown = await send(app.url, `/v1/agents/${answer.json.data.agentId}`);
    expect(shown.json.data.capabilities).toEqual([]);
  });

  it.each([
    ['VALIDATION_ERROR', {}],
    ['VALIDATION_ERROR', { agentName: 7 }],
    ['VALIDATION_ERROR', { publicKey: null }],
    ['VALIDATION_ERROR', { capabilities: 'review' }],
    ['VALIDATION_ERROR', { capabilities: ['\ud800'] }],
    ['INVALID_AGENT_NAME', { agentName: '' }],
    ['INVALID_AGENT_NAME', { agentName: '-a' }],
    ['INVALID_AGENT_NAME', { agentName: 'a b' }],
    ['INVALID_AGENT_NAME', { agentName: 'a\n' }],
    ['INVALID_AGENT_NAME', { agentName: 'größe' }],
    ['INVALID_AGENT_NAME', { agentName: 'a'.repeat(129) }],
    ['INVALID_PUBLIC_KEY', { publicKey: 'ed25519:AAAA' }],
    ['INVALID_PUBLIC_KEY', { publicKey: 'not a key' }],
  ])('answers 400 %s for %j', async (code, change) => {
    const answer = await register(Object.keys(change).length === 0 ? {} : { ...fresh(), ...change });
    expect([answer.status, answer.json.error.code]).toEqual([400, code]);
  });

  it('accepts the longest name and refuses a taken one with 409', async () => {
    const input = { ...fresh(), agentName: `b${randomUUID()}`.padEnd(128, 'x') };
    expect((await register(input)).status).toBe(201);
    const again = await register({ ...input, publicKey: generateKey().publicKey });
    expect([again.status, again.json.error.code]).toEqual([409, 'AGENT_NAME_EXISTS']);
    expect((await register({ ...input, agentName: input.agentName.toUpperCase() })).status).toBe(201);
  });

  it('lets one of many concurrent registrations of a name win', async () => {
    const agentName = `race-${randomUUID()}`;
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => register({ agentName, publicKey: generateKey().publicKey })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(11).fill(409)]);
  });
});

describe('reading agents', () => {
  it.each(['', '/reputation', '/repos', '/keys', '/audit'])('answers 404 AGENT_NOT_FOUND at %s', async (suffix) => {
    for (const id of [randomUUID(), 'agent-abc123', '%00', 'x'.repeat(300)]) {
      const answer = await send(app.url, `/v1/agents/${id}${suffix}`);
      expect([answer.status, answer.json.error.code]).toEqual([404, 'AGENT_NOT_FOUND']);
    }
  });

  it('searches by part of the name and pages', async () => {
    const mark = randomUUID().slice(0, 8);
    const names = ['c', 'a', 'b', 'd', 'e'].map((letter) => `Find-${mark}_${letter}`);
    for (const agentName of names) await newAgent(app, { agentName });
    const find = async (query: string) => (await send(app.url, `/v1/agents?${query}`)).json;
    const { data } = await find(`search=find-${mark}_&page=2&perPage=2`);
    expect(data).toMatchObject({ page: 2, perPage: 2, total: 5, totalPages: 3 });
    expect(data.agents.map((agent: { agentName: string }) => agent.agentName)).toEqual([
      `Find-${mark}_c`,
      `Find-${mark}_d`,
    ]);
    expect(Object.keys(data.agents[0]).sort()).toEqual(['agentId', 'agentName', 'capabilities', 'createdAt']);
    expect((await find(`search=${mark}%25`)).data).toMatchObject({ agents: [], total: 0, totalPages: 0 });
    expect((await find(`search=${mark}&page=-3&perPage=9999`)).data).toMatchObject({ page: 1, perPage: 100, total: 5 });
    expect((await find(`search=${mark}&page=99999999999&perPage=0`)).data).toMatchObject({ agents: [], perPage: 1 });
    for (const bad of ['page=x', 'perPage=1.5', 'page=1e3']) {
      expect((await find(bad)).error.code).toBe('INVALID_PAGINATION');
    }
    expect((await find('search=%00')).error.code).toBe('VALIDATION_ERROR');
  });

  it('shows public repositories only, and the audit trail of the agent', async () => {
    const agent = await newAgent(app);
    const open = await newRepository(app, agent);
    await newRepository(app, agent, { visibility: 'private' });
    const { data } = (await send(app.url, `/v1/agents/${agent.agentId}/repos`)).json;
    expect(data.repos).toEqual([expect.objectContaining({ repoId: open.repoId, ownerName: agent.agentName })]);
    const { events } = (await send(app.url, `/v1/agents/${agent.agentId}/audit?limit=10`)).json.data;
    expect(events.map((event: { action: string }) => event.action)).toEqual(['repo_create', 'agent_register']);
  });
});
