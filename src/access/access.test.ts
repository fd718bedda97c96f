import { randomUUID } from 'node:crypto';
import { and, asc, eq } from 'drizzle-orm';
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
import { agents, auditLog } from '../db/index.js';
import { findRepositoryById } from '../repos/index.js';
import type { JsonObject } from '../signing/index.js';
import { effectiveRole, requireRole } from './index.js';

let app: TestApp;
let owner: TestAgent;
let other: TestAgent;
let repoId: string;
beforeAll(async () => {
  app = await startTestApp();
  owner = await newAgent(app);
});
afterAll(() => app.close());
beforeEach(async () => {
  other = await newAgent(app);
  repoId = (await newRepository(app, owner, { visibility: 'private' })).repoId;
});

const grant = (signer: TestAgent, signing: Partial<Signing>, name = 'access') =>
  signedRequest(app, signer, 'POST', `/v1/repos/${repoId}/${name}`, { action: 'access_grant', ...signing });
const revoke = (signer: TestAgent, target: string, signing: Partial<Signing> = {}, name = 'access') =>
  signedRequest(app, signer, 'DELETE', `/v1/repos/${repoId}/${name}/${target}`, {
    action: 'access_revoke',
    ...signing,
  });
const list = (signer: TestAgent, signing: Partial<Signing> = {}, name = 'access') =>
  signedRequest(app, signer, 'GET', `/v1/repos/${repoId}/${name}`, { action: 'access_list', ...signing });
const full = (role: string, target = other.agentId): JsonObject => ({ repoId, targetAgentId: target, role });
const code = (answer: { status: number; json: { error?: { code: string } } }) => [
  answer.status,
  answer.json.error?.code,
];

describe('granting', () => {
  it.each<[string, string, () => Partial<Signing>]>([
    ['TS and PY', 'access', () => ({ body: full('write') })],
    ['PYA', 'access', () => ({ body: { targetAgentId: other.agentId, role: 'write' } })],
    ['RS', 'collaborators', () => ({ body: { repoId, agentId: other.agentId, role: 'write' } })],
    [
      'flat',
      'access',
      () => ({ form: 'flat', fields: { targetAgentId: other.agentId, role: 'write' }, body: full('write') }),
    ],
    [
      'headers',
      'access',
      () => ({ form: 'headers', fields: { targetAgentId: other.agentId, role: 'write' }, body: full('write') }),
    ],
    ['both names, targetAgentId wins', 'access', () => ({ body: { agentId: owner.agentId, ...full('write') } })],
  ])('takes the shape of %s', async (_, name, shape) => {
    const answer = await grant(owner, shape(), name);
    expect(answer.status).toBe(200);
    expect(answer.json.data).toEqual({ repoId, agentId: other.agentId, role: 'write', action: 'granted' });
    const repo = await findRepositoryById(app.ctx.db, repoId);
    expect(await effectiveRole(app.ctx.db, repo!, other.agentId)).toBe('write');
  });

  it('changes a role but keeps the time of the grant, and writes an audit row each time', async () => {
    await grant(owner, { body: full('read') });
    const before = (await list(owner)).json.data.collaborators;
    await grant(owner, { body: full('admin') });
    const after = (await list(owner)).json.data.collaborators;
    expect(after).toEqual([before[0], { ...before[1], role: 'admin' }]);
    const rows = await app.ctx.db.orm
      .select()
      .from(auditLog)
      .where(and(eq(auditLog.resourceId, repoId), eq(auditLog.action, 'access_grant')))
      .orderBy(asc(auditLog.seq));
    expect(rows.map((row) => row.data)).toEqual(
      ['read', 'admin'].map((role) => ({ repo_id: repoId, target_agent_id: other.agentId, role })),
    );
  });

  it('lets admins grant, and nobody below', async () => {
    const third = await newAgent(app);
    const denied = await grant(other, { body: full('read', third.agentId) });
    expect(code(denied)).toEqual([403, 'ADMIN_REQUIRED']);
    expect(denied.json.error.details).toEqual({ repoId, requiredRole: 'admin', currentRole: null });
    await grant(owner, { body: full('write') });
    const writer = await grant(other, { body: full('read', third.agentId) });
    expect(writer.json.error).toMatchObject({ code: 'ADMIN_REQUIRED', details: { currentRole: 'write' } });
    await grant(owner, { body: full('admin') });
    expect((await grant(other, { body: full('read', third.agentId) })).status).toBe(200);
  });

  it('refuses unknown targets, unknown repositories, bad roles, foreign bodies and taking admin from the owner', async () => {
    expect(code(await grant(owner, { body: full('read', randomUUID()) }))).toEqual([404, 'AGENT_NOT_FOUND']);
    expect(code(await grant(owner, { body: full('owner') }))).toEqual([400, 'VALIDATION_ERROR']);
    expect(code(await grant(owner, { body: { repoId, role: 'read' } }))).toEqual([400, 'VALIDATION_ERROR']);
    expect(code(await grant(owner, { form: 'flat', body: { repoId, role: 'read' } }))).toEqual([
      400,
      'VALIDATION_ERROR',
    ]);
    expect(code(await grant(owner, { body: { ...full('read'), repoId: randomUUID() } }))).toEqual([
      400,
      'VALIDATION_ERROR',
    ]);
    expect(code(await grant(owner, { body: full('read', owner.agentId) }))).toEqual([403, 'ACCESS_DENIED']);
    expect((await grant(owner, { body: full('admin', owner.agentId) })).status).toBe(200);
    repoId = randomUUID();
    expect(code(await grant(owner, { body: full('read') }))).toEqual([404, 'REPO_NOT_FOUND']);
  });

  it('answers a repeat from the store and refuses the suspended', async () => {
    const signing = { body: full('read'), nonce: randomUUID() };
    const first = await grant(owner, signing);
    const again = await grant(owner, signing);
    expect([again.json.data, again.headers['idempotency-replayed']]).toEqual([first.json.data, 'true']);
    await app.ctx.db.orm.update(agents).set({ suspended: true }).where(eq(agents.agentId, other.agentId));
    expect(code(await list(other))).toEqual([403, 'SUSPENDED_AGENT']);
  });
});

describe('revoking', () => {
  it.each<[string, string, () => Partial<Signing>]>([
    ['TS and PY', 'access', () => ({ body: { repoId, targetAgentId: other.agentId } })],
    ['PYA', 'access', () => ({ body: {} })],
    ['RS', 'collaborators', () => ({ body: { repoId, agentId: other.agentId } })],
    ['flat', 'access', () => ({ form: 'flat', fields: {}, body: { repoId, targetAgentId: other.agentId } })],
    ['headers', 'access', () => ({ form: 'headers', fields: {}, body: { repoId, targetAgentId: other.agentId } })],
    ['query', 'access', () => ({ form: 'query', body: { repoId, targetAgentId: other.agentId } })],
  ])('takes the shape of %s', async (_, name, shape) => {
    await grant(owner, { body: full('admin') });
    const answer = await revoke(owner, other.agentId, shape(), name);
    expect(answer.status).toBe(200);
    expect(answer.json.data).toEqual({ repoId, agentId: other.agentId, role: null, action: 'revoked' });
    expect(code(await list(other))).toEqual([403, 'ACCESS_DENIED']);
  });

  it('succeeds where nothing was there, and says so in the audit row', async () => {
    expect((await revoke(owner, other.agentId)).status).toBe(200);
    const rows = await app.ctx.db.orm.select().from(auditLog).where(eq(auditLog.resourceId, repoId));
    expect(rows.find((row) => row.action === 'access_revoke')?.data).toEqual({
      repo_id: repoId,
      target_agent_id: other.agentId,
      rows_affected: 0,
    });
  });

  it('refuses non-admins, the owner as target, foreign bodies and unknown repositories', async () => {
    await grant(owner, { body: full('write') });
    expect(code(await revoke(other, owner.agentId))).toEqual([403, 'ADMIN_REQUIRED']);
    expect(code(await revoke(owner, owner.agentId))).toEqual([403, 'ACCESS_DENIED']);
    const foreign = { body: { repoId, targetAgentId: owner.agentId } };
    expect(code(await revoke(owner, other.agentId, foreign))).toEqual([400, 'VALIDATION_ERROR']);
    const foreignAlias = { body: { repoId, agentId: owner.agentId } };
    expect(code(await revoke(owner, other.agentId, foreignAlias))).toEqual([400, 'VALIDATION_ERROR']);
    expect(code(await revoke(owner, '%00', { body: {} }))).toEqual([404, 'AGENT_NOT_FOUND']);
    for (repoId of [randomUUID(), '%00', 'x'.repeat(200)]) {
      expect(code(await revoke(owner, other.agentId, { body: {} }))).toEqual([404, 'REPO_NOT_FOUND']);
      expect(code(await list(owner, { body: {} }))).toEqual([404, 'REPO_NOT_FOUND']);
      expect(code(await send(app.url, `/v1/repos/${repoId}/collaborators`))).toEqual([404, 'REPO_NOT_FOUND']);
    }
  });
});

describe('listing', () => {
  it('shows the owner first and everyone else by time, from a GET body, headers or query', async () => {
    await grant(owner, { body: full('read') });
    const expected = [
      {
        agentId: owner.agentId,
        agentName: owner.agentName,
        role: 'admin',
        grantedAt: expect.stringMatching(/\.\d{3}Z$/),
      },
      { agentId: other.agentId, agentName: other.agentName, role: 'read', grantedAt: expect.any(String) },
    ];
    const shapes: Partial<Signing>[] = [
      { body: { repoId } },
      { body: {} },
      { form: 'flat', fields: {}, body: { repoId } },
      { form: 'headers', fields: {}, body: { repoId } },
      { form: 'query', body: { repoId } },
    ];
    for (const name of ['access', 'collaborators']) {
      for (const shape of shapes) {
        const answer = await list(other, shape, name);
        expect([name, shape, answer.json.data]).toEqual([
          name,
          shape,
          { repoId, collaborators: expected, nextCursor: null },
        ]);
      }
    }
  });

  it('comes in pages that a later grant does not shift', async () => {
    const agents = [other, await newAgent(app), await newAgent(app)];
    for (const agent of agents) await grant(owner, { body: full('read', agent.agentId) });
    const page = async (query: string) => {
      const path = `/v1/repos/${repoId}/access?${query}`;
      const signing: Signing = { action: 'access_list', body: { repoId } };
      return (await signedRequest(app, owner, 'GET', path, signing)).json.data;
    };
    const first = await page('limit=2');
    const late = await newAgent(app);
    await grant(owner, { body: full('write', late.agentId) });
    await revoke(owner, other.agentId);
    const second = await page(`perPage=2&cursor=${first.nextCursor}`);
    const third = await page(`cursor=${second.nextCursor}`);
    const ids = [first, second, third].flatMap((one) =>
      one.collaborators.map(({ agentId }: { agentId: string }) => agentId),
    );
    expect(ids).toEqual([owner.agentId, ...agents.map(({ agentId }) => agentId), late.agentId]);
    expect(third.nextCursor).toBeNull();
    for (const query of ['cursor=x', 'cursor=!', 'limit=x', `cursor=${'A'.repeat(2000)}`]) {
      const path = `/v1/repos/${repoId}/access?${query}`;
      const answer = await signedRequest(app, owner, 'GET', path, { action: 'access_list', body: { repoId } });
      expect([query, ...code(answer)]).toEqual([query, 400, 'INVALID_PAGINATION']);
    }
  });

  it('tells a stranger nothing about a private repository', async () => {
    expect(code(await list(other))).toEqual([403, 'ACCESS_DENIED']);
    expect(code(await send(app.url, `/v1/repos/${repoId}/access`))).toEqual([401, 'INVALID_SIGNATURE']);
    expect(code(await send(app.url, `/v1/repos/${repoId}/collaborators`))).toEqual([404, 'REPO_NOT_FOUND']);
    expect(code(await send(app.url, `/v1/repos/${randomUUID()}/collaborators`))).toEqual([404, 'REPO_NOT_FOUND']);
    repoId = randomUUID();
    expect(code(await list(other))).toEqual([404, 'REPO_NOT_FOUND']);
  });

  it('shows the collaborators of a public repository without a signature', async () => {
    const open = await newRepository(app, owner);
    const answer = await send(app.url, `/v1/repos/${open.repoId}/collaborators`);
    expect(answer.json.data.collaborators).toMatchObject([{ agentId: owner.agentId, role: 'admin' }]);
  });
});

describe('requireRole', () => {
  it('knows owners, roles, public readers and strangers', async () => {
    const { db } = app.ctx;
    const hidden = (await findRepositoryById(db, repoId))!;
    const open = (await findRepositoryById(db, (await newRepository(app, owner)).repoId))!;
    expect(await requireRole(db, hidden, owner.agentId, 'admin')).toBe('admin');
    expect(await requireRole(db, open, undefined, 'read')).toBe('read');
    expect(await effectiveRole(db, hidden, undefined)).toBeUndefined();
    await grant(owner, { body: full('write') });
    expect(await requireRole(db, hidden, other.agentId, 'read')).toBe('write');
    await expect(requireRole(db, hidden, other.agentId, 'admin', 'ADMIN_REQUIRED')).rejects.toMatchObject({
      code: 'ADMIN_REQUIRED',
      details: { repoId, requiredRole: 'admin', currentRole: 'write' },
    });
    await expect(requireRole(db, open, other.agentId, 'write')).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      details: { requiredRole: 'write', currentRole: 'read' },
    });
    await expect(requireRole(db, hidden, undefined, 'read')).rejects.toMatchObject({
      details: { currentRole: null },
    });
  });
});
