import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
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
import { forksApi } from './index.js';

let app: TestApp;
let owner: TestAgent;
let agent: TestAgent;
let source: { repoId: string; name: string };
beforeAll(async () => {
  app = await startTestApp();
  owner = await newAgent(app);
});
afterAll(() => app.close());
beforeEach(async () => {
  agent = await newAgent(app);
  source = await newRepository(app, owner);
});

const fork = (signing: Partial<Signing> = {}, signer = agent, repoId = source.repoId) =>
  signedRequest(app, signer, 'POST', `/v1/repos/${repoId}/fork`, { action: 'repo_fork', ...signing });
const code = (answer: { status: number; json: { error?: { code: string } } }) => [
  answer.status,
  answer.json.error?.code,
];
const addPack = (repoId: string, hash: string) => app.ctx.db.sql`
  INSERT INTO packs (repo_id, hash, bytes, objects, tight, tips, segment) VALUES (${repoId}, ${hash}, 1, 1, true, '', '')`;
const packsOf = async (repoId: string) =>
  [
    ...(await app.ctx.db.sql`SELECT hash, stored_in, unpacked_at IS NOT NULL AS unpacked FROM packs
    WHERE repo_id = ${repoId} ORDER BY seq`),
  ] as unknown[];

describe('POST /v1/repos/{repoId}/fork', () => {
  it.each<[string, () => Partial<Signing>]>([
    ['nested, nothing said', () => ({ body: {} })],
    ['nested with the id', () => ({ body: { repoId: source.repoId, name: null, visibility: 'public' } })],
    ['flat', () => ({ form: 'flat', fields: {}, body: { repoId: source.repoId, name: null, visibility: null } })],
    ['headers', () => ({ form: 'headers', fields: {}, body: { repoId: source.repoId, name: null, visibility: null } })],
  ])('takes the shape: %s', async (_, shape) => {
    const answer = await fork(shape());
    expect(answer.status).toBe(201);
    expect(forksApi[0]?.data.parse(answer.json.data)).toEqual(answer.json.data);
    expect(answer.json.data).toMatchObject({
      name: source.name,
      ownerId: agent.agentId,
      visibility: 'public',
      forkedFrom: source.repoId,
      starCount: 0,
    });
    expect(answer.json.data.repoId).not.toBe(source.repoId);
  });

  it('copies refs but those of pull requests, and refers to packs in their order', async () => {
    const oid = '1'.repeat(40);
    await app.ctx.db.sql`INSERT INTO repo_refs (repo_id, ref_name, oid, peeled_oid)
      SELECT ${source.repoId}, name, ${oid}, peeled FROM (VALUES ('refs/heads/main', NULL), ('refs/tags/v1', ${oid}),
        ('refs/pull/1/head', NULL)) AS v(name, peeled)`;
    await app.ctx.db.sql`UPDATE repositories SET default_branch = 'trunk' WHERE repo_id = ${source.repoId}`;
    const hashes = ['c', 'a', 'b'].map((letter) => letter.repeat(40));
    for (const hash of hashes) await addPack(source.repoId, hash);
    const { data } = (await fork({ body: { name: 'mine' } })).json;
    expect(data).toMatchObject({ name: 'mine', defaultBranch: 'trunk' });
    const refs = await app.ctx.db.sql`SELECT ref_name, oid, peeled_oid FROM repo_refs
      WHERE repo_id = ${data.repoId} ORDER BY ref_name`;
    expect([...refs]).toEqual([
      { ref_name: 'refs/heads/main', oid, peeled_oid: null },
      { ref_name: 'refs/tags/v1', oid, peeled_oid: oid },
    ]);
    const shared = hashes.map((hash) => ({ hash, stored_in: source.repoId, unpacked: true }));
    expect(await packsOf(data.repoId)).toEqual(shared);
    // A fork of the fork refers to where the files are, and to the fork for the fork's own.
    await addPack(data.repoId, 'd'.repeat(40));
    const second = (await fork({ body: {} }, await newAgent(app), data.repoId)).json.data;
    const own = { hash: 'd'.repeat(40), stored_in: data.repoId, unpacked: true };
    expect([second.forkedFrom, await packsOf(second.repoId)]).toEqual([data.repoId, [...shared, own]]);
    expect(await app.ctx.db.orm.select().from(auditLog).where(eq(auditLog.resourceId, data.repoId))).toMatchObject([
      {
        action: 'repo_fork',
        agentId: agent.agentId,
        data: { repo_name: 'mine', forked_from: source.repoId, visibility: 'public', refs_count: 2, packs_count: 3 },
      },
    ]);
  });

  it('keeps forks of a private repository private, now and later', async () => {
    const hidden = await newRepository(app, owner, { visibility: 'private' });
    expect(code(await fork({}, agent, hidden.repoId))).toEqual([403, 'ACCESS_DENIED']);
    await app.ctx.db.orm.insert(repoAccess).values({ repoId: hidden.repoId, agentId: agent.agentId, role: 'read' });
    expect(code(await fork({ body: { visibility: 'public' } }, agent, hidden.repoId))).toEqual([409, 'CONFLICT']);
    const { repoId, visibility } = (await fork({}, agent, hidden.repoId)).json.data;
    expect(visibility).toBe('private');
    const publish = () =>
      signedRequest(app, agent, 'PATCH', `/v1/repos/${repoId}`, {
        action: 'repo_update',
        body: { visibility: 'public' },
      });
    expect(code(await publish())).toEqual([409, 'CONFLICT']);
    const open = { action: 'repo_update', body: { visibility: 'public' } };
    await signedRequest(app, owner, 'PATCH', `/v1/repos/${hidden.repoId}`, open);
    expect((await publish()).json.data).toMatchObject({ repoId, visibility: 'public' });
  });

  it('lets the owner of a private repository publish an own fork of it', async () => {
    const hidden = await newRepository(app, owner, { visibility: 'private' });
    const { repoId } = (await fork({ body: { name: `f-${randomUUID()}` } }, owner, hidden.repoId)).json.data;
    const open = { action: 'repo_update', body: { visibility: 'public' } };
    expect((await signedRequest(app, owner, 'PATCH', `/v1/repos/${repoId}`, open)).status).toBe(200);
  });

  it.each<[number, string, JsonObject]>([
    [400, 'INVALID_REPO_NAME', { name: '../x' }],
    [400, 'INVALID_REPO_NAME', { name: '' }],
    [400, 'VALIDATION_ERROR', { name: 7 }],
    [400, 'VALIDATION_ERROR', { visibility: 'secret' }],
    [400, 'VALIDATION_ERROR', { repoId: 'other' }],
  ])('answers %i %s for %j', async (status, expected, body) => {
    expect(code(await fork({ body }))).toEqual([status, expected]);
  });

  it('refuses a taken name, the unsigned and what is not there; a repeat is one fork', async () => {
    expect(code(await fork({}, owner))).toEqual([409, 'REPO_EXISTS']);
    expect(code(await send(app.url, `/v1/repos/${source.repoId}/fork`, { method: 'POST', body: {} }))).toEqual([
      401,
      'INVALID_SIGNATURE',
    ]);
    expect(code(await fork({}, agent, randomUUID()))).toEqual([404, 'REPO_NOT_FOUND']);
    const nonce = randomUUID();
    const answers = await Promise.all(Array.from({ length: 4 }, () => fork({ nonce, body: { name: 'once' } })));
    expect(new Set(answers.map(({ json }) => json.data.repoId)).size).toBe(1);
  });
});
