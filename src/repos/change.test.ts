import { randomUUID } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
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
import { auditLog, repoAccess, repositories } from '../db/index.js';
import type { JsonObject } from '../signing/index.js';
import { findRepositoryById, reposApi } from './index.js';

let app: TestApp;
let owner: TestAgent;
let admin: TestAgent;
let writer: TestAgent;
let repoId: string;
let name: string;
beforeAll(async () => {
  app = await startTestApp();
  [owner, admin, writer] = [await newAgent(app), await newAgent(app), await newAgent(app)];
});
afterAll(() => app.close());
beforeEach(async () => {
  ({ repoId, name } = await newRepository(app, owner));
  await app.ctx.db.orm.insert(repoAccess).values([
    { repoId, agentId: admin.agentId, role: 'admin' },
    { repoId, agentId: writer.agentId, role: 'write' },
  ]);
});

const change = (signing: Partial<Signing>, agent = owner) =>
  signedRequest(app, agent, 'PATCH', `/v1/repos/${repoId}`, { action: 'repo_update', ...signing });
const remove = (agent = owner, signing: Partial<Signing> = {}) =>
  signedRequest(app, agent, 'DELETE', `/v1/repos/${repoId}`, { action: 'repo_delete', ...signing });
const code = (answer: { status: number; json: { error?: { code: string } } }) => [
  answer.status,
  answer.json.error?.code,
];
const audit = (action: string) =>
  app.ctx.db.orm
    .select()
    .from(auditLog)
    .where(and(eq(auditLog.resourceId, repoId), eq(auditLog.action, action)));
const addBranch = (branch: string) =>
  app.ctx.db
    .sql`INSERT INTO repo_refs (repo_id, ref_name, oid) VALUES (${repoId}, ${`refs/heads/${branch}`}, ${'1'.repeat(40)})`;

describe('PATCH /v1/repos/{repoId}', () => {
  it.each<[string, (to: string) => Partial<Signing>]>([
    ['nested', (to) => ({ body: { name: to } })],
    ['nested with the id', (to) => ({ body: { repoId, name: to } })],
    ['flat', (to) => ({ form: 'flat', fields: { name: to }, body: { repoId, name: to } })],
    ['headers', (to) => ({ form: 'headers', fields: { name: to }, body: { repoId, name: to } })],
  ])('renames, in the form: %s', async (_, shape) => {
    const to = `r-${randomUUID()}`;
    const answer = await change(shape(to));
    expect([answer.status, answer.json.data.name, answer.json.data.repoId]).toEqual([200, to, repoId]);
    const schema = reposApi.find((route) => route.operationId === 'updateRepo')!.data;
    expect(schema.parse(answer.json.data)).toEqual(answer.json.data);
    expect((await send(app.url, `/v1/repos/${owner.agentName}/${to}`)).json.data).toEqual(answer.json.data);
    expect((await send(app.url, `/v1/repos/${owner.agentName}/${name}`)).status).toBe(404);
  });

  it('changes everything at once and writes old and new values', async () => {
    await addBranch('next');
    const body = { name: `r-${randomUUID()}`, description: 'new', visibility: 'private', defaultBranch: 'next' };
    const answer = await change({ body }, admin);
    expect(answer.json.data).toMatchObject(body);
    expect(await audit('repo_update')).toMatchObject([
      {
        agentId: admin.agentId,
        data: {
          repo_id: repoId,
          repo_name: body.name,
          description: 'new',
          visibility: 'private',
          default_branch: 'next',
          previous: { repo_name: name, description: null, visibility: 'public', default_branch: 'main' },
        },
      },
    ]);
    expect((await send(app.url, `/v1/repos/${repoId}`)).status).toBe(404);
    expect((await change({ body: { description: null } })).json.data.description).toBeNull();
    expect((await change({ body: { name: null, visibility: null, description: 'x' } })).json.data).toMatchObject({
      name: body.name,
      visibility: 'private',
    });
  });

  it('takes only a default branch that is there, or the present one', async () => {
    const refused = await change({ body: { defaultBranch: 'none' } });
    expect(code(refused)).toEqual([400, 'BRANCH_NOT_FOUND']);
    expect(refused.json.error.details).toEqual({ branch: 'none' });
    expect((await change({ body: { defaultBranch: 'main' } })).status).toBe(200);
  });

  it.each<[number, string, JsonObject]>([
    [400, 'VALIDATION_ERROR', {}],
    [400, 'VALIDATION_ERROR', { name: 5 }],
    [400, 'VALIDATION_ERROR', { visibility: 'secret' }],
    [400, 'VALIDATION_ERROR', { defaultBranch: '' }],
    [400, 'VALIDATION_ERROR', { defaultBranch: 'x'.repeat(129) }],
    [400, 'VALIDATION_ERROR', { description: 'x', repoId: 'other' }],
    [400, 'INVALID_REPO_NAME', { name: 'a/b' }],
    [400, 'INVALID_REPO_NAME', { name: 'x.git' }],
  ])('answers %i %s for %j', async (status, expected, body) => {
    expect(code(await change({ body }))).toEqual([status, expected]);
  });

  it('refuses a taken name and everyone who is no admin', async () => {
    const taken = await newRepository(app, owner);
    expect(code(await change({ body: { name: taken.name } }))).toEqual([409, 'REPO_EXISTS']);
    expect((await change({ body: { name } })).status).toBe(200);
    expect(code(await change({ body: { name: 'x' } }, writer))).toEqual([403, 'ADMIN_REQUIRED']);
    expect(code(await send(app.url, `/v1/repos/${repoId}`, { method: 'PATCH', body: {} }))).toEqual([
      401,
      'INVALID_SIGNATURE',
    ]);
    repoId = randomUUID();
    expect(code(await change({ body: { name: 'x' } }))).toEqual([404, 'REPO_NOT_FOUND']);
  });

  it('gives two racing renames to one name one winner', async () => {
    const other = await newRepository(app, owner);
    const to = `r-${randomUUID()}`;
    const answers = await Promise.all(
      [repoId, other.repoId].map((id) =>
        signedRequest(app, owner, 'PATCH', `/v1/repos/${id}`, { action: 'repo_update', body: { name: to } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });
});

describe('DELETE /v1/repos/{repoId}', () => {
  it('removes the rows, keeps the audit trail and leaves a note about the storage', async () => {
    await addBranch('main');
    const answer = await remove(owner, { form: 'headers', fields: {}, body: { repoId } });
    expect([answer.status, answer.json.data]).toEqual([200, { repoId, action: 'deleted' }]);
    expect(await findRepositoryById(app.ctx.db, repoId)).toBeUndefined();
    for (const table of ['repo_refs', 'repo_access', 'repo_star_counts', 'packs']) {
      const { count } = await app.ctx.db.sql.unsafe(`SELECT 1 FROM ${table} WHERE repo_id = '${repoId}'`);
      expect([table, count]).toEqual([table, 0]);
    }
    expect(await audit('repo_create')).toHaveLength(1);
    expect(await audit('repo_delete')).toMatchObject([{ data: { repo_name: name, visibility: 'public' } }]);
    const notes = await app.ctx.db.sql`SELECT hash FROM staged_packs WHERE repo_id = ${repoId}`;
    expect([...notes]).toEqual([{ hash: 'remove' }]);
    expect(code(await send(app.url, `/v1/repos/${repoId}`))).toEqual([404, 'REPO_NOT_FOUND']);
    expect(code(await remove())).toEqual([404, 'REPO_NOT_FOUND']);
    expect((await newRepository(app, owner, { name })).repoId).not.toBe(repoId);
    const events = (await send(app.url, `/v1/audit?repo_id=${repoId}`)).json.data.events;
    expect(events.map((event: { action: string }) => event.action)).toEqual(['repo_delete', 'repo_create']);
  });

  it('is for the owner alone', async () => {
    const refused = await remove(admin);
    expect(code(refused)).toEqual([403, 'ACCESS_DENIED']);
    expect(refused.json.error.details).toEqual({ repoId, requiredRole: 'owner', currentRole: 'admin' });
    expect(code(await send(app.url, `/v1/repos/${repoId}`, { method: 'DELETE' }))).toEqual([401, 'INVALID_SIGNATURE']);
    expect(code(await remove(owner, { body: { repoId: 'other' } }))).toEqual([400, 'VALIDATION_ERROR']);
    expect(await app.ctx.db.orm.select().from(repositories).where(eq(repositories.repoId, repoId))).toHaveLength(1);
  });

  it('answers a repeat from the store, also when they come together', async () => {
    const nonce = randomUUID();
    const answers = await Promise.all(Array.from({ length: 5 }, () => remove(owner, { nonce })));
    for (const { status, json } of answers) expect([status, json.data]).toEqual([200, { repoId, action: 'deleted' }]);
    expect(await audit('repo_delete')).toHaveLength(1);
  });

  it('waits for an unpack that a node is at, but not for one that nobody is at', async () => {
    await app.ctx.db.sql`
      INSERT INTO packs (repo_id, hash, bytes, objects, tight, tips, segment, unpack_locked_at)
      VALUES (${repoId}, ${'a'.repeat(40)}, 1, 1, true, '', '', now())`;
    expect(code(await remove())).toEqual([409, 'MIGRATION_IN_PROGRESS']);
    await app.ctx.db.sql`UPDATE packs SET unpack_locked_at = now() - interval '5 minutes' WHERE repo_id = ${repoId}`;
    expect((await remove()).status).toBe(200);
  });
});
