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
import { auditLog, eventOutbox, repoAccess, repoStars, starEvents } from '../db/index.js';
import { starsApi } from './index.js';
import { starData, starListData, starredReposData, unstarData } from './schemas.js';

let app: TestApp;
let owner: TestAgent;
let agent: TestAgent;
let repoId: string;
beforeAll(async () => {
  app = await startTestApp();
  owner = await newAgent(app);
});
afterAll(() => app.close());

/** A fresh agent and a fresh public repository. */
async function fresh(visibility: 'public' | 'private' = 'public'): Promise<void> {
  agent = await newAgent(app);
  ({ repoId } = await newRepository(app, owner, { visibility }));
}

const star = (who: TestAgent, signing: Partial<Signing> = {}, path = 'stars/:star') =>
  signedRequest(app, who, 'POST', `/v1/repos/${repoId}/${path}`, { action: 'star', body: { repoId }, ...signing });
const unstar = (who: TestAgent, signing: Partial<Signing> = {}, path = 'stars/:unstar') =>
  signedRequest(app, who, 'POST', `/v1/repos/${repoId}/${path}`, { action: 'unstar', body: { repoId }, ...signing });
const list = async (query = '') => (await send(app.url, `/v1/repos/${repoId}/stars${query}`)).json.data;
const code = (answer: { status: number; json: { error?: { code: string } } }) => [
  answer.status,
  answer.json.error?.code,
];

describe('starring', () => {
  it.each(['stars/:', 'stars:', 'stars/', 'stars/%3A', 'stars/%3a', 'stars%3A', 'stars%3a'])(
    'works at the spelling %sstar',
    async (prefix) => {
      await fresh();
      const starred = await star(agent, {}, `${prefix}star`);
      expect([starred.status, starred.json.data]).toEqual([
        200,
        { repoId, agentId: agent.agentId, action: 'starred', starCount: 1 },
      ]);
      expect(starData.strict().parse(starred.json.data)).toEqual(starred.json.data);
      expect(code(await star(agent, {}, `${prefix}star`))).toEqual([409, 'DUPLICATE_STAR']);
      const unstarred = await unstar(agent, {}, `${prefix}unstar`);
      expect([unstarred.status, unstarred.json.data]).toEqual([
        200,
        { repoId, agentId: agent.agentId, action: 'unstarred', starCount: 0 },
      ]);
      expect(unstarData.strict().parse(unstarred.json.data)).toEqual(unstarred.json.data);
      expect(code(await unstar(agent, {}, `${prefix}unstar`))).toEqual([404, 'NO_EXISTING_STAR']);
    },
  );

  it.each<[string, (id: string) => Partial<Signing>]>([
    ['TS, PY, RS', (id) => ({ body: { repoId: id, reason: 'neat', reasonPublic: true } })],
    ['PYA', () => ({ body: { reason: 'neat', reasonPublic: true } })],
    ['flat', (id) => ({ form: 'flat', body: { repoId: id, reason: 'neat', reasonPublic: true } })],
    [
      'flat without repoId beside the envelope',
      (id) => ({
        form: 'flat',
        fields: { reason: 'neat', reasonPublic: true },
        body: { repoId: id, reason: 'neat', reasonPublic: true },
      }),
    ],
    ['headers', (id) => ({ form: 'headers', body: { repoId: id, reason: 'neat', reasonPublic: true } })],
  ])('takes a reason in the shape of %s', async (_, shape) => {
    await fresh();
    expect((await star(agent, shape(repoId))).json.data).toMatchObject({ action: 'starred', starCount: 1 });
    expect((await list()).starredBy).toMatchObject([{ agentId: agent.agentId, reason: 'neat' }]);
  });

  it.each<[string, (id: string) => Partial<Signing>]>([
    ['TS, PY, RS', (id) => ({ body: { repoId: id, reason: null, reasonPublic: false } })],
    ['PYA', () => ({ body: {} })],
    [
      'flat, everything left out',
      (id) => ({ form: 'flat', fields: {}, body: { repoId: id, reason: null, reasonPublic: false } }),
    ],
    [
      'headers without a body',
      (id) => ({ form: 'headers', fields: {}, body: { repoId: id, reason: null, reasonPublic: false } }),
    ],
  ])('takes no reason in the shape of %s', async (_, shape) => {
    await fresh();
    expect((await star(agent, shape(repoId))).status).toBe(200);
    expect((await list()).starredBy).toMatchObject([{ agentId: agent.agentId, reason: null }]);
  });

  it.each<[string, (id: string) => Partial<Signing>]>([
    ['TS, PY, RS', (id) => ({ body: { repoId: id } })],
    ['PYA', () => ({ body: {} })],
    ['flat', (id) => ({ form: 'flat', fields: {}, body: { repoId: id } })],
    ['headers', (id) => ({ form: 'headers', fields: {}, body: { repoId: id } })],
  ])('is taken back in the shape of %s', async (_, shape) => {
    await fresh();
    await star(agent);
    expect((await unstar(agent, shape(repoId))).json.data).toMatchObject({ action: 'unstarred', starCount: 0 });
  });

  it('takes no envelope in the query of a POST', async () => {
    await fresh();
    expect(code(await star(agent, { form: 'query' }))).toEqual([401, 'INVALID_SIGNATURE']);
  });

  it('writes star, count, event, audit and outbox in one go', async () => {
    await fresh();
    const nonce = randomUUID();
    const reason = 'Grüße "x"\\\n\u0001€ 😀 /';
    await star(agent, { nonce, body: { repoId, reason, reasonPublic: true } });
    await unstar(agent);
    const { orm } = app.ctx.db;
    const events = await orm
      .select()
      .from(starEvents)
      .where(eq(starEvents.repoId, repoId))
      .orderBy(starEvents.timestamp);
    expect(events).toMatchObject([
      { agentId: agent.agentId, action: 'star', nonce, signature: expect.stringMatching(/^[A-Za-z0-9+/]{86}==$/) },
      { agentId: agent.agentId, action: 'unstar' },
    ]);
    const audit = await orm.select().from(auditLog).where(eq(auditLog.chainId, repoId)).orderBy(auditLog.seq);
    expect(
      audit.map(({ action, resourceType, resourceId, data }) => ({ action, resourceType, resourceId, data })).slice(1),
    ).toEqual([
      {
        action: 'star',
        resourceType: 'repository',
        resourceId: repoId,
        data: { repo_id: repoId, reason, reason_public: true, star_count: 1 },
      },
      {
        action: 'unstar',
        resourceType: 'repository',
        resourceId: repoId,
        data: { repo_id: repoId, star_count: 0 },
      },
    ]);
    const topics = { star: ['trending', 'webhook'], unstar: ['trending'] };
    for (const { eventId, action } of audit.slice(1)) {
      const rows = await orm.select().from(eventOutbox).where(eq(eventOutbox.auditEventId, eventId));
      expect(rows.map(({ topic }) => topic).sort()).toEqual(topics[action as keyof typeof topics]);
      for (const row of rows) expect(row).toMatchObject({ status: 'pending', attempts: 0 });
    }
  });

  it('says since when a repository is starred already', async () => {
    await fresh();
    await star(agent);
    const [row] = await app.ctx.db.orm.select().from(repoStars).where(eq(repoStars.repoId, repoId));
    const again = await star(agent);
    expect(code(again)).toEqual([409, 'DUPLICATE_STAR']);
    expect(again.json.error.details).toEqual({
      agentId: agent.agentId,
      repoId,
      existingStarAt: row?.createdAt.toISOString(),
    });
  });

  it('answers a repeat from the store and changes nothing', async () => {
    await fresh();
    const nonce = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => star(agent, { nonce })));
    for (const { status, json } of answers) expect([status, json.data.starCount]).toEqual([200, 1]);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(9);
    expect((await list()).starCount).toBe(1);
  });

  it('counts a reason in code points and refuses what is no reason', async () => {
    await fresh();
    const longest = '😀'.repeat(500);
    expect((await star(agent, { body: { reason: longest, reasonPublic: true } })).status).toBe(200);
    expect((await list()).starredBy[0].reason).toBe(longest);
    const other = await newAgent(app);
    const tooLong = await star(other, { body: { reason: 'ä'.repeat(501) } });
    expect(code(tooLong)).toEqual([400, 'INVALID_REASON']);
    expect(tooLong.json.error.details).toEqual({ length: 501, maxLength: 500 });
    for (const body of [{ reason: 7 }, { reason: 'a\0b' }, { reasonPublic: 'yes' }, { reason: ['x'] }]) {
      expect(code(await star(other, { body }))).toEqual([400, 'VALIDATION_ERROR']);
    }
    expect((await list()).starCount).toBe(1);
  });

  it('keeps a private reason out of every public answer', async () => {
    await fresh();
    const reason = `secret-${randomUUID()}`;
    await star(agent, { body: { repoId, reason, reasonPublic: false } });
    expect((await list()).starredBy[0].reason).toBeNull();
    const paths = [`/v1/audit?repo_id=${repoId}`, `/v1/repos/${repoId}/audit`, `/v1/agents/${agent.agentId}/audit`];
    for (const path of paths) {
      const answer = await send(app.url, path);
      const event = answer.json.data.events.find(({ action }: { action: string }) => action === 'star');
      expect(event.data).toEqual({ repo_id: repoId, reason_public: false, star_count: 1 });
      expect(answer.text).not.toContain(reason);
    }
  });

  it('refuses wrong paths, actions and ids', async () => {
    await fresh();
    const body = { repoId: randomUUID() };
    expect(code(await star(agent, { body }))).toEqual([400, 'VALIDATION_ERROR']);
    expect(code(await star(agent, { action: 'unstar' }))).toEqual([400, 'VALIDATION_ERROR']);
    expect(code(await star(agent, {}, 'stars/:starred'))).toEqual([404, 'NOT_FOUND']);
    // Without the colon it could be the name of a repository, which can be read and not posted to.
    expect(code(await star(agent, {}, 'starsstar'))).toEqual([405, 'METHOD_NOT_ALLOWED']);
    expect(code(await send(app.url, `/v1/repos/${repoId}/stars/:star`))).toEqual([405, 'METHOD_NOT_ALLOWED']);
    expect(code(await send(app.url, `/v1/repos/${repoId}/stars/:star`, { method: 'POST' }))).toEqual([
      401,
      'INVALID_SIGNATURE',
    ]);
    for (const id of [randomUUID(), '%00', 'x'.repeat(300)]) {
      const signing: Signing = { action: 'star', body: {} };
      const answer = await signedRequest(app, agent, 'POST', `/v1/repos/${id}/stars/:star`, signing);
      expect(code(answer)).toEqual([404, 'REPO_NOT_FOUND']);
    }
  });
});

describe('private repositories', () => {
  it('do not exist to strangers, and are starred by members', async () => {
    await fresh('private');
    expect(code(await star(agent))).toEqual([404, 'REPO_NOT_FOUND']);
    expect(code(await unstar(agent))).toEqual([404, 'REPO_NOT_FOUND']);
    expect(code(await send(app.url, `/v1/repos/${repoId}/stars`))).toEqual([404, 'REPO_NOT_FOUND']);
    const read: Signing = { action: 'repo_read', body: { repoId } };
    for (const form of ['headers', 'query'] as const) {
      const path = `/v1/repos/${repoId}/stars`;
      expect(code(await signedRequest(app, agent, 'GET', path, { ...read, form }))).toEqual([404, 'REPO_NOT_FOUND']);
      expect((await signedRequest(app, owner, 'GET', path, { ...read, form })).json.data).toMatchObject({ repoId });
    }
    await app.ctx.db.orm.insert(repoAccess).values({ repoId, agentId: agent.agentId, role: 'read' });
    expect((await star(agent)).status).toBe(200);
    expect((await send(app.url, `/v1/agents/${agent.agentId}/stars`)).json.data).toEqual({ repos: [] });
  });
});

describe('lists', () => {
  it('show who starred, newest first, in pages', async () => {
    await fresh();
    const others = [agent, await newAgent(app), await newAgent(app)];
    for (const other of others) await star(other);
    const data = await list();
    expect(starListData.strict().parse(data)).toEqual(data);
    expect(data).toMatchObject({ repoId, starCount: 3 });
    expect(data.starredBy.map((one: { agentName: string }) => one.agentName)).toEqual(
      others.map(({ agentName }) => agentName).reverse(),
    );
    expect(data.starredBy[0]).toEqual({
      agentId: others[2]?.agentId,
      agentName: others[2]?.agentName,
      reputationScore: 0.5,
      reason: null,
      starredAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect((await list('?page=2&perPage=2')).starredBy).toEqual([data.starredBy[2]]);
    expect((await list('?page=2&perPage=2')).starCount).toBe(3);
    expect(code(await send(app.url, `/v1/repos/${repoId}/stars?page=x`))).toEqual([400, 'INVALID_PAGINATION']);
  });

  it('show what an agent starred', async () => {
    await fresh();
    const first = repoId;
    await star(agent);
    ({ repoId } = await newRepository(app, owner));
    await star(agent);
    const { data } = (await send(app.url, `/v1/agents/${agent.agentId}/stars`)).json;
    expect(starredReposData.parse(data)).toEqual(data);
    expect(data.repos).toMatchObject([
      { repoId, ownerName: owner.agentName, starCount: 1, stars: 1 },
      { repoId: first, starCount: 1 },
    ]);
    const page = (await send(app.url, `/v1/agents/${agent.agentId}/stars?perPage=1&page=2`)).json.data;
    expect(page.repos).toEqual([data.repos[1]]);
    for (const id of [randomUUID(), '%00', 'x'.repeat(300)]) {
      expect(code(await send(app.url, `/v1/agents/${id}/stars`))).toEqual([404, 'AGENT_NOT_FOUND']);
    }
  });

  it('show the new count in the repository object', async () => {
    await fresh();
    await star(agent);
    expect((await send(app.url, `/v1/repos/${repoId}`)).json.data).toMatchObject({ starCount: 1, stars: 1 });
  });
});

it('describes its routes once each', () => {
  const names = starsApi.flatMap(({ method, path, aliases = [] }) => [path, ...aliases].map((each) => method + each));
  expect(new Set(names).size).toBe(names.length);
});
