import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
import { agents, auditLog, repoAccess, repoStarCounts, repositories } from '../db/index.js';
import { findRepositoryById, findRepositoryByName } from './index.js';

let app: TestApp;
let owner: TestAgent;
beforeAll(async () => {
  app = await startTestApp();
  owner = await newAgent(app);
});
afterAll(() => app.close());

const create = (agent: TestAgent, signing: Partial<Signing>) =>
  signedRequest(app, agent, 'POST', '/v1/repos', { action: 'repo_create', ...signing });
const code = (answer: { status: number; json: { error?: { code: string } } }) => [
  answer.status,
  answer.json.error?.code,
];

describe('POST /v1/repos', () => {
  it('creates the repository and what hangs on it in one go', async () => {
    const name = 'Data.set_1-x';
    const answer = await create(owner, { body: { name, description: 'Größe', visibility: 'private' } });
    expect(answer.status).toBe(201);
    const { repoId, ...shown } = answer.json.data;
    expect(shown).toEqual({
      name,
      ownerId: owner.agentId,
      ownerName: owner.agentName,
      description: 'Größe',
      visibility: 'private',
      defaultBranch: 'main',
      cloneUrl: `${app.url}/${owner.agentName}/${name}.git`,
      starCount: 0,
      stars: 0,
      forkedFrom: null,
      pushCertPolicy: 'if-present',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const { orm } = app.ctx.db;
    expect(await orm.select().from(repoStarCounts).where(eq(repoStarCounts.repoId, repoId))).toMatchObject([
      { stars: 0 },
    ]);
    expect(await orm.select().from(repoAccess).where(eq(repoAccess.repoId, repoId))).toMatchObject([
      { agentId: owner.agentId, role: 'admin' },
    ]);
    const audit = await orm.select().from(auditLog).where(eq(auditLog.resourceId, repoId));
    expect(audit).toMatchObject([
      { agentId: owner.agentId, action: 'repo_create', resourceType: 'repository', keyId: expect.any(String) },
    ]);
    expect(audit[0]?.data).toEqual({ repo_name: name, description: 'Größe', visibility: 'private' });
    expect(JSON.parse(audit[0]?.envelope ?? '{}')).toMatchObject({ action: 'repo_create', agentId: owner.agentId });
    expect(await findRepositoryById(app.ctx.db, repoId)).toMatchObject({ repoId, refsVersion: 0 });
  });

  it.each<[string, (name: string) => Partial<Signing>]>([
    ['TS, PY, RS', (name) => ({ body: { name, description: null, visibility: 'public' } })],
    ['PYA without description', (name) => ({ body: { name, visibility: 'public' } })],
    ['flat, all fields', (name) => ({ form: 'flat', body: { name, description: 'd', visibility: 'public' } })],
    [
      'flat, defaults left out',
      (name) => ({ form: 'flat', fields: { name }, body: { name, description: null, visibility: 'public' } }),
    ],
    [
      'headers with a JSON body',
      (name) => ({ form: 'headers', fields: { name }, body: { name, description: null, visibility: 'public' } }),
    ],
    ['null visibility', (name) => ({ body: { name, visibility: null } })],
  ])('takes the shape of %s', async (_, shape) => {
    const answer = await create(owner, shape(`r-${randomUUID()}`));
    expect([answer.status, answer.json.data?.visibility]).toEqual([201, 'public']);
  });

  it('takes P-256 signatures', async () => {
    const agent = await newAgent(app, { type: 'ecdsa' });
    expect((await newRepository(app, agent)).name).toMatch(/^repo-/);
  });

  it.each([
    [400, 'INVALID_REPO_NAME', { name: '' }],
    [400, 'INVALID_REPO_NAME', { name: '.hidden' }],
    [400, 'INVALID_REPO_NAME', { name: 'a/b' }],
    [400, 'INVALID_REPO_NAME', { name: 'x.git' }],
    [400, 'INVALID_REPO_NAME', { name: 'größe' }],
    [400, 'INVALID_REPO_NAME', { name: 'a'.repeat(257) }],
    [400, 'VALIDATION_ERROR', {}],
    [400, 'VALIDATION_ERROR', { name: 5 }],
    [400, 'VALIDATION_ERROR', { name: 'ok', visibility: 'secret' }],
    [400, 'VALIDATION_ERROR', { name: 'ok', description: 7 }],
  ])('answers %i %s for %j', async (status, expected, body) => {
    expect(code(await create(owner, { body }))).toEqual([status, expected]);
  });

  it('refuses a taken name with 409, per owner', async () => {
    const { name } = await newRepository(app, owner);
    expect(code(await create(owner, { body: { name } }))).toEqual([409, 'REPO_EXISTS']);
    expect((await create(await newAgent(app), { body: { name } })).status).toBe(201);
  });

  it('answers a repeat from the store: one repository, one audit row', async () => {
    const signing = { nonce: randomUUID(), body: { name: `r-${randomUUID()}`, visibility: 'public' } };
    const answers = await Promise.all(Array.from({ length: 20 }, () => create(owner, signing)));
    for (const { status, json } of answers) expect([status, json.data]).toEqual([201, answers[0]?.json.data]);
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'] === 'true')).toHaveLength(19);
    expect(new Set(answers.map((answer) => answer.json.meta.requestId)).size).toBe(20);
    const { repoId } = answers[0]?.json.data ?? {};
    expect(await app.ctx.db.orm.select().from(auditLog).where(eq(auditLog.resourceId, repoId))).toHaveLength(1);
    const other = { ...signing, body: { ...signing.body, name: 'another' } };
    expect(code(await create(owner, other))).toEqual([401, 'REPLAY_ATTACK']);
  });

  it('leaves the nonce of a failed request free', async () => {
    const { name } = await newRepository(app, owner);
    const nonce = randomUUID();
    expect((await create(owner, { nonce, body: { name } })).status).toBe(409);
    expect((await create(owner, { nonce, body: { name: `r-${randomUUID()}` } })).status).toBe(201);
  });

  it('refuses the unsigned, the wrongly signed, the unknown, the late, the suspended', async () => {
    const body = { name: `r-${randomUUID()}` };
    expect(code(await send(app.url, '/v1/repos', { method: 'POST', body }))).toEqual([401, 'INVALID_SIGNATURE']);
    const other = await newAgent(app);
    const forged = { agentId: owner.agentId, privateKey: other.privateKey };
    expect(code(await create({ ...owner, ...forged }, { body }))).toEqual([401, 'INVALID_SIGNATURE']);
    expect(code(await create({ ...owner, agentId: randomUUID() }, { body }))).toEqual([404, 'AGENT_NOT_FOUND']);
    const timestamp = new Date(Date.now() - 400_000).toISOString();
    expect(code(await create(owner, { body, timestamp }))).toEqual([401, 'SIGNATURE_EXPIRED']);
    const action = { action: 'repo_list' };
    expect(code(await create(owner, { body, ...action }))).toEqual([400, 'VALIDATION_ERROR']);
    await app.ctx.db.orm
      .update(agents)
      .set({ suspended: true, suspendedAt: new Date(), suspendedReason: 'spam' })
      .where(eq(agents.agentId, other.agentId));
    const refused = await create(other, { body });
    expect(code(refused)).toEqual([403, 'SUSPENDED_AGENT']);
    expect(refused.json.error.details).toEqual({ suspendedAt: expect.any(String), reason: 'spam' });
  });
});

describe('GET /v1/repos', () => {
  it('lists what the signer owns, newest first, from a GET body, headers or query', async () => {
    const agent = await newAgent(app);
    const first = await newRepository(app, agent);
    const second = await newRepository(app, agent, { visibility: 'private' });
    await newRepository(app, owner);
    for (const form of ['nested', 'headers', 'query'] as const) {
      const nonce = randomUUID();
      for (const _ of [1, 2]) {
        const answer = await signedRequest(app, agent, 'GET', '/v1/repos', { action: 'repo_list', form, nonce });
        expect(answer.status).toBe(200);
        expect(answer.json.data.repos.map((repo: { repoId: string }) => repo.repoId)).toEqual([
          second.repoId,
          first.repoId,
        ]);
        expect(answer.headers['cache-control']).toBe('no-store');
      }
    }
    expect(code(await send(app.url, '/v1/repos'))).toEqual([401, 'INVALID_SIGNATURE']);
  });
});

describe('GET one repository', () => {
  it('shows a public one to anyone, by id, owner name and owner id', async () => {
    const repo = await newRepository(app, owner);
    for (const path of [repo.repoId, `${owner.agentName}/${repo.name}`, `${owner.agentId}/${repo.name}`]) {
      const answer = await send(app.url, `/v1/repos/${path}`);
      expect(answer.status).toBe(200);
      expect(answer.json.data).toMatchObject({ repoId: repo.repoId, cloneUrl: repo.cloneUrl, starCount: 0 });
      expect(answer.headers['cache-control']).toBeUndefined();
    }
  });

  it('hides a private one from everyone without a role', async () => {
    const { repoId, name } = await newRepository(app, owner, { visibility: 'private' });
    const reader = await newAgent(app);
    const paths = [`/v1/repos/${repoId}`, `/v1/repos/${owner.agentName}/${name}`];
    for (const path of paths) {
      const anonymous = await send(app.url, path);
      expect(code(anonymous)).toEqual([404, 'REPO_NOT_FOUND']);
      for (const form of ['headers', 'query'] as const) {
        const signing = { action: 'repo_read', form, body: { repoId } };
        expect(code(await signedRequest(app, reader, 'GET', path, signing))).toEqual([404, 'REPO_NOT_FOUND']);
        expect((await signedRequest(app, owner, 'GET', path, signing)).status).toBe(200);
      }
    }
    await app.ctx.db.orm.insert(repoAccess).values({ repoId, agentId: reader.agentId, role: 'read' });
    for (const path of paths) {
      const signing: Signing = { action: 'repo_read', form: 'headers', body: { repoId } };
      const answer = await signedRequest(app, reader, 'GET', path, signing);
      expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-store']);
    }
    const forged = { agentId: owner.agentId, privateKey: reader.privateKey };
    const signing: Signing = { action: 'repo_read', form: 'headers', body: { repoId } };
    expect(code(await signedRequest(app, forged, 'GET', `/v1/repos/${repoId}`, signing))).toEqual([
      401,
      'INVALID_SIGNATURE',
    ]);
  });

  it('answers 404 for what is not there, whatever it looks like', async () => {
    for (const path of [randomUUID(), 'repo-xyz789', '%00', '%ff', 'x'.repeat(400), `${owner.agentName}/none`]) {
      expect(code(await send(app.url, `/v1/repos/${path}`))).toEqual([404, 'REPO_NOT_FOUND']);
    }
  });

  it('keeps static segments out of owner and repository names', async () => {
    const { repoId } = await newRepository(app, owner);
    const agent = await newAgent(app, { agentName: 'trending' });
    const { name } = await newRepository(app, agent);
    expect((await send(app.url, '/v1/repos/trending')).json.data?.repoId).toBeUndefined();
    for (const path of [`trending/${name}`, `${repoId}/info`, `${repoId}/star`]) {
      expect(code(await send(app.url, `/v1/repos/${path}`))).toEqual([404, 'NOT_FOUND']);
    }
    await create(owner, { body: { name: 'pulls' } });
    expect((await send(app.url, `/v1/repos/${owner.agentName}/pulls`)).json.data?.name).toBeUndefined();
  });

  it('finds by name with the owner name winning over an equal id', async () => {
    const { db } = app.ctx;
    const named = await newAgent(app, { agentName: randomUUID() });
    await db.orm
      .insert(agents)
      .values({ agentId: named.agentName, agentName: `x-${named.agentName}`, publicKey: named.publicKey });
    await db.orm.insert(repositories).values({ repoId: randomUUID(), ownerId: named.agentName, name: 'same' });
    const { repoId } = await newRepository(app, named, { name: 'same' });
    expect((await findRepositoryByName(db, named.agentName, 'same'))?.repoId).toBe(repoId);
    expect(await findRepositoryByName(db, named.agentName, 'SAME')).toBeUndefined();
    expect(await findRepositoryByName(db, 'a\0b', 'same')).toBeUndefined();
  });

  it('shows the audit trail to whoever may read the repository', async () => {
    const { repoId } = await newRepository(app, owner);
    const { events } = (await send(app.url, `/v1/repos/${repoId}/audit?limit=5`)).json.data;
    expect(events).toMatchObject([{ action: 'repo_create', resourceId: repoId, agentId: owner.agentId }]);
    const hidden = await newRepository(app, owner, { visibility: 'private' });
    const path = `/v1/repos/${hidden.repoId}/audit`;
    expect(code(await send(app.url, path))).toEqual([404, 'REPO_NOT_FOUND']);
    const signing: Signing = { action: 'repo_read', form: 'headers', body: { repoId: hidden.repoId } };
    const own = await signedRequest(app, owner, 'GET', path, signing);
    expect(own.json.data.events).toMatchObject([{ action: 'repo_create', resourceId: hidden.repoId }]);
    const all = (await send(app.url, `/v1/audit?agent_id=${owner.agentId}&limit=1000`)).json.data;
    expect(all.events.map((event: { resourceId: string }) => event.resourceId)).toContain(repoId);
    expect(JSON.stringify(all)).not.toContain(hidden.repoId);
    const one = await send(app.url, `/v1/audit/${events[0].eventId}`);
    expect(one.json.data).toEqual(events[0]);
    expect(code(await send(app.url, `/v1/audit/${own.json.data.events[0].eventId}`))).toEqual([404, 'NOT_FOUND']);
    expect(code(await send(app.url, '/v1/audit/none'))).toEqual([400, 'VALIDATION_ERROR']);
    expect(code(await send(app.url, `/v1/repos/${repoId}/audit?limit=x`))).toEqual([400, 'INVALID_PAGINATION']);
  });
});
