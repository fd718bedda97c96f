import { randomUUID } from 'node:crypto';
import { and, desc, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  newAgent,
  newRepository,
  type Signing,
  send,
  signedRequest,
  startTestApp,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { auditLog, repoAccess } from '../db/index.js';
import type { JsonObject } from '../signing/index.js';
import { protectionApi } from './index.js';

let app: TestApp;
let owner: TestAgent;
let writer: TestAgent;
let repoId: string;
beforeAll(async () => {
  app = await startTestApp();
  [owner, writer] = [await newAgent(app), await newAgent(app)];
});
afterAll(() => app.close());
beforeEach(async () => {
  repoId = (await newRepository(app, owner)).repoId;
  await app.ctx.db.orm.insert(repoAccess).values({ repoId, agentId: writer.agentId, role: 'write' });
});

const path = (pattern: string) => `/v1/repos/${repoId}/protection/${pattern}`;
const set = (pattern: string, signing: Partial<Signing>, agent = owner) =>
  signedRequest(app, agent, 'PUT', path(pattern), { action: 'protection_set', ...signing });
const lift = (pattern: string, signing: Partial<Signing> = {}, agent = owner) =>
  signedRequest(app, agent, 'DELETE', path(pattern), { action: 'protection_delete', ...signing });
const list = (query = '', agent = owner) =>
  signedRequest(app, agent, 'GET', `/v1/repos/${repoId}/protection${query}`, { action: 'protection_list' });
const code = (answer: { status: number; json: { error?: { code: string } } }) => [
  answer.status,
  answer.json.error?.code,
];
const schemaOf = (operationId: string) => protectionApi.find((route) => route.operationId === operationId)!.data;
const lastAudit = async () => {
  const where = and(eq(auditLog.resourceId, repoId), eq(auditLog.agentId, owner.agentId));
  return (await app.ctx.db.orm.select().from(auditLog).where(where).orderBy(desc(auditLog.seq)))[0];
};

const defaults = {
  noForce: true,
  noDelete: true,
  requiredApprovals: 0,
  requiredCi: false,
  requiredPushCert: false,
};

describe('PUT a rule', () => {
  it.each<[string, () => Partial<Signing>]>([
    ['nested, defaults', () => ({ body: {} })],
    ['nested with ids', () => ({ body: { repoId, pattern: 'release/*', ...defaults } })],
    ['nested with nulls', () => ({ body: { noForce: null, requiredApprovals: null } })],
    ['flat', () => ({ form: 'flat', fields: {}, body: { repoId, pattern: 'release/*', ...defaults } })],
    [
      'headers',
      () => ({ form: 'headers', fields: { noForce: true }, body: { repoId, pattern: 'release/*', ...defaults } }),
    ],
  ])('takes the shape: %s', async (_, shape) => {
    const answer = await set('release%2F*', shape());
    expect(answer.status).toBe(200);
    expect(schemaOf('setProtection').parse(answer.json.data)).toEqual(answer.json.data);
    expect(answer.json.data).toEqual({ repoId, pattern: 'release/*', ...defaults, createdAt: expect.any(String) });
  });

  it('replaces a rule, keeps the time of its creation and writes what was', async () => {
    const first = (await set('main', { body: { requiredApprovals: 2 } })).json.data;
    const second = (await set('main', { body: { noForce: false, requiredCi: true } })).json.data;
    expect(second).toEqual({ ...first, noForce: false, requiredApprovals: 0, requiredCi: true });
    expect(await lastAudit()).toMatchObject({
      action: 'protection_set',
      data: {
        repo_id: repoId,
        pattern: 'main',
        rule: { no_force: false, no_delete: true, required_approvals: 0, required_ci: true, required_push_cert: false },
        previous: { no_force: true, required_approvals: 2 },
      },
    });
    expect((await list()).json.data.rules).toEqual([expect.objectContaining({ pattern: 'main', requiredCi: true })]);
  });

  it.each<[string, JsonObject]>([
    ['main', { noForce: 'yes' }],
    ['main', { requiredApprovals: -1 }],
    ['main', { requiredApprovals: 1.5 }],
    ['main', { requiredApprovals: 101 }],
    ['main', { pattern: 'other' }],
    ['main', { repoId: 'other' }],
    ['a..b', {}],
    ['a%00b', {}],
    ['%20', {}],
    ['a%2F', {}],
    ['x'.repeat(257), {}],
  ])('refuses pattern %s with %j', async (pattern, body) => {
    expect(code(await set(pattern, { body }))).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('is for admins', async () => {
    const refused = await set('main', { body: {} }, writer);
    expect(code(refused)).toEqual([403, 'ADMIN_REQUIRED']);
    expect(refused.json.error.details).toEqual({ repoId, requiredRole: 'admin', currentRole: 'write' });
    expect(code(await send(app.url, path('main'), { method: 'PUT', body: {} }))).toEqual([401, 'INVALID_SIGNATURE']);
    for (const each of [list('', writer), lift('main', {}, writer)])
      expect(code(await each)).toEqual([403, 'ADMIN_REQUIRED']);
    repoId = randomUUID();
    expect(code(await set('main', { body: {} }))).toEqual([404, 'REPO_NOT_FOUND']);
  });

  it('stops at the limit of rules', async () => {
    await app.ctx.db.sql`INSERT INTO branch_protections (repo_id, pattern)
      SELECT ${repoId}, 'b' || n FROM generate_series(1, 100) n`;
    expect(code(await set('one-more', { body: {} }))).toEqual([409, 'CONFLICT']);
    expect((await set('b7', { body: { noForce: false } })).status).toBe(200);
  });

  it('answers a repeat from the store', async () => {
    const nonce = randomUUID();
    const answers = [await set('main', { body: {}, nonce }), await set('main', { body: {}, nonce })];
    expect(answers[1]?.headers['idempotency-replayed']).toBe('true');
    expect(answers[1]?.json.data).toEqual(answers[0]?.json.data);
  });
});

describe('GET and DELETE', () => {
  it('show and lift a rule', async () => {
    await set('release/**', { body: {} });
    for (const spelled of ['release/**', 'release%2F**']) {
      const answer = await signedRequest(app, owner, 'GET', path(spelled), {
        action: 'protection_get',
        form: 'headers',
        body: { repoId },
        fields: {},
      });
      expect(schemaOf('getProtection').parse(answer.json.data)).toMatchObject({ repoId, pattern: 'release/**' });
    }
    const gone = await lift('release%2F**', { form: 'query', body: { repoId, pattern: 'release/**' } });
    expect([gone.status, gone.json.data]).toEqual([200, { repoId, pattern: 'release/**', action: 'deleted' }]);
    expect(await lastAudit()).toMatchObject({ action: 'protection_delete', data: { previous: { no_force: true } } });
    expect(code(await lift('release%2F**'))).toEqual([404, 'NOT_FOUND']);
    const missing = signedRequest(app, owner, 'GET', path('main'), { action: 'protection_get' });
    expect(code(await missing)).toEqual([404, 'NOT_FOUND']);
  });

  it('list in pages by pattern', async () => {
    for (const pattern of ['b', 'a', 'c']) await set(pattern, { body: {} });
    const first = (await list('?limit=2')).json.data;
    expect(schemaOf('listProtections').parse(first)).toEqual(first);
    await set('0', { body: {} });
    const second = (await list(`?cursor=${first.nextCursor}`)).json.data;
    const patterns = [first, second].flatMap((page) => page.rules.map((rule: { pattern: string }) => rule.pattern));
    expect(patterns).toEqual(['a', 'b', 'c']);
    expect(second.nextCursor).toBeNull();
    expect(code(await list('?cursor=%20'))).toEqual([400, 'INVALID_PAGINATION']);
  });
});
