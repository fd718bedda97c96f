import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { agents, repositories } from '../db/index.js';
import {
  appendAudit,
  canonicalAction,
  getPublicAudit,
  listAudit,
  listPublicAudit,
  type NewAuditEvent,
} from './index.js';

let test: TestDatabase;
const ids: Record<string, string> = {};

beforeAll(async () => {
  test = await createTestDatabase();
  const { db } = test;
  await db.orm.insert(agents).values({ agentId: 'alice', agentName: 'alice', publicKey: 'k' });
  for (const [repoId, visibility] of [
    ['open', 'public'],
    ['secret', 'private'],
    ['gone-open', 'public'],
    ['gone-secret', 'private'],
  ] as const) {
    await db.orm.insert(repositories).values({ repoId, ownerId: 'alice', name: repoId, visibility });
    await append(`${repoId}-create`, { action: 'repo_create', resourceId: repoId, data: { visibility } });
    await append(`${repoId}-pr`, {
      action: 'pr_create',
      resourceType: 'pull_request',
      resourceId: `pr-${repoId}`,
      data: { repo_id: repoId },
    });
  }
  await append('star-hidden', { action: 'star', resourceId: 'open', data: { reason: 'psst', reason_public: false } });
  await append('star-shown', { action: 'star', resourceId: 'open', data: { reason: 'nice', reason_public: true } });
  await append('register', { action: 'agent_register', resourceType: 'agent', resourceId: 'alice' });
  await append('stray', {
    action: 'ci_triggered',
    resourceType: 'ci_run',
    resourceId: 'x',
    chainId: 'global',
    data: { repo_id: 'secret' },
  });
  await db.sql`DELETE FROM repositories WHERE repo_id LIKE 'gone-%'`;
});
afterAll(() => test.drop());

let minute = 0;
async function append(name: string, fields: Partial<NewAuditEvent>): Promise<void> {
  const timestamp = new Date(Date.UTC(2026, 0, 1, 0, minute++));
  const event = {
    agentId: 'alice',
    action: 'x',
    resourceType: 'repository',
    resourceId: 'r',
    data: {},
    signature: 's',
    timestamp,
    ...fields,
  };
  ids[name] = (await test.db.transaction((tx) => appendAudit(tx, event))).eventId;
}
async function list(query = ''): Promise<string[]> {
  const { events } = await listPublicAudit(test, new URLSearchParams(query));
  return events.map((event) => Object.keys(ids).find((name) => ids[name] === event.eventId)!);
}

const PUBLIC = ['register', 'star-shown', 'star-hidden', 'gone-open-pr', 'gone-open-create', 'open-pr', 'open-create'];

describe('public audit log', () => {
  it('shows the newest first and nothing of private repositories, present or gone', async () => {
    expect(await list()).toEqual(PUBLIC);
    await expect(getPublicAudit(test, ids['secret-pr']!)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(getPublicAudit(test, ids['gone-secret-create']!)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(getPublicAudit(test, ids.stray!)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('has the fixed shape and hides the reason of a star that is not public', async () => {
    expect(await getPublicAudit(test, ids['star-shown']!)).toEqual({
      eventId: ids['star-shown'],
      agentId: 'alice',
      action: 'star',
      resourceType: 'repository',
      resourceId: 'open',
      data: { reason: 'nice', reason_public: true },
      timestamp: '2026-01-01T00:09:00.000Z',
      signature: 's',
    });
    expect((await getPublicAudit(test, ids['star-hidden']!)).data).toEqual({ reason_public: false });
    const { events } = await listPublicAudit(test, new URLSearchParams({ action: 'star' }));
    expect(JSON.stringify(events)).not.toContain('psst');
  });

  it('filters by every field in both spellings', async () => {
    expect(await list('agent_id=nobody')).toEqual([]);
    expect(await list('agentId=alice&action=agent_register')).toEqual(['register']);
    expect(await list('resource_type=pull_request&resourceId=pr-open')).toEqual(['open-pr']);
    expect(await list('resourceType=agent')).toEqual(['register']);
    expect(await list('repo_id=open')).toEqual(['star-shown', 'star-hidden', 'open-pr', 'open-create']);
    expect(await list('from=2026-01-01T00:09:00Z&to=2026-01-01T01:10:00%2B01:00')).toEqual(['register', 'star-shown']);
    expect(await list('from=2026-01-01T01:10:00+01:00')).toEqual(['register']);
    for (const action of ['pr_create', 'pr_open', 'PrOpen', 'PrCreate']) {
      expect(await list(`action=${action}`)).toEqual(['gone-open-pr', 'open-pr']);
    }
  });

  it('pages', async () => {
    const page = await listPublicAudit(test, new URLSearchParams('limit=2&offset=4'));
    expect(page).toMatchObject({ total: 7, limit: 2, offset: 4, hasMore: true });
    expect(page.events.map((event) => event.eventId)).toEqual([ids['gone-open-create'], ids['open-pr']]);
    expect(await listPublicAudit(test, new URLSearchParams('limit=5000&offset=6'))).toMatchObject({
      limit: 1000,
      hasMore: false,
    });
    expect(await listPublicAudit(test, new URLSearchParams('limit=0'))).toMatchObject({ limit: 1, offset: 0 });
    expect(await listPublicAudit(test, new URLSearchParams('offset=999999'))).toMatchObject({
      events: [],
      total: 7,
      hasMore: false,
    });
    expect(await listPublicAudit(test, new URLSearchParams('limit='))).toMatchObject({ limit: 100 });
  });

  it('pages behind a known event, whatever has come since', async () => {
    const first = await listPublicAudit(test, new URLSearchParams('limit=3'));
    const second = await listPublicAudit(test, new URLSearchParams('limit=3&offset=50'), first.next!);
    const third = await listPublicAudit(test, new URLSearchParams('limit=3'), second.next!);
    const pages = [first, second, third].flatMap((page) => page.events.map((event) => event.eventId));
    expect(pages).toEqual(PUBLIC.map((name) => ids[name]));
    expect([first.hasMore, second.hasMore, third.hasMore, third.next]).toEqual([true, true, false, null]);
    expect(second.offset).toBe(0);
  });

  it('judges a repository that is gone by what it was last', async () => {
    const about = (resourceId: string, action: string, visibility: string) =>
      append(`${resourceId}-${action}`, { action, resourceId, data: { visibility } });
    for (const [repoId, before, after] of [
      ['was-open', 'public', 'private'],
      ['was-secret', 'private', 'public'],
    ] as const) {
      await about(repoId, 'repo_create', before);
      await about(repoId, 'repo_update', after);
      await about(repoId, 'repo_delete', after);
    }
    expect(await list('repo_id=was-open')).toEqual([]);
    expect(await list('repo_id=was-secret')).toHaveLength(3);
  });

  it('refuses what it cannot read', async () => {
    const refused = (query: string) => listPublicAudit(test, new URLSearchParams(query));
    for (const query of ['from=yesterday', 'to=2026-01-01', 'from=2026-13-01T00:00:00Z']) {
      await expect(refused(query)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    }
    for (const query of ['limit=x', 'limit=-1', 'offset=1.5', `offset=${'9'.repeat(30)}`]) {
      await expect(refused(query)).rejects.toMatchObject({ code: 'INVALID_PAGINATION' });
    }
    await expect(refused('agent_id=a%00b')).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    await expect(getPublicAudit(test, 'x')).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    await expect(getPublicAudit(test, crypto.randomUUID())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('gives members and admins more', async () => {
    const all = await listAudit(test.db, { limit: 100, offset: 0 }, 'admin');
    expect(all.total).toBe(Object.keys(ids).length);
    expect(JSON.stringify(all.events)).toContain('psst');
    const member = await listAudit(test.db, { repoId: 'secret', limit: 100, offset: 0 }, 'member');
    expect(member.events.map((event) => event.eventId)).toEqual([ids['secret-pr'], ids['secret-create']]);
    const stars = await listAudit(test.db, { repoId: 'open', limit: 100, offset: 0 }, 'member');
    expect(JSON.stringify(stars.events)).not.toContain('psst');
  });
});

describe('canonicalAction', () => {
  it('knows the spellings in circulation', () => {
    const spellings = {
      ci_start: 'ci_triggered',
      CiComplete: 'ci_completed',
      RepoCreate: 'repo_create',
      push: 'push',
      'git-upload-pack': 'git-upload-pack',
    };
    for (const [spelling, action] of Object.entries(spellings)) expect(canonicalAction(spelling)).toBe(action);
  });
});
