import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  newAgent,
  newRepository,
  send,
  signedRequest,
  startTestApp,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { repoAccess } from '../db/index.js';
import { reposApi } from './index.js';

let app: TestApp;
let owner: TestAgent;
beforeAll(async () => {
  app = await startTestApp();
  owner = await newAgent(app);
});
afterAll(() => app.close());

const code = (answer: { status: number; json: { error?: { code: string } } }) => [
  answer.status,
  answer.json.error?.code,
];
const create = async (name: string, visibility = 'public', description: string | null = null) => {
  const body = { name, description, visibility };
  return (await signedRequest(app, owner, 'POST', '/v1/repos', { action: 'repo_create', body })).json.data;
};
type Listed = { repos: { name: string }[]; nextCursor: string | null };
const names = (data: Listed) => data.repos.map((repo) => repo.name);
const find = async (search: string, more = '') =>
  (await send(app.url, `/v1/repos?search=${encodeURIComponent(search)}${more}`)).json.data as Listed;

describe('search', () => {
  it('finds public repositories by name, owner and description, ignoring case', async () => {
    const word = randomUUID();
    await create(`A-${word}`);
    await create(`other-${randomUUID()}`, 'public', `something ${word.toUpperCase()} something`);
    await create(`secret-${word}`, 'private');
    const found = await find(word.toUpperCase());
    expect(names(found)).toEqual([expect.stringMatching(/^other-/), `A-${word}`]);
    expect(reposApi.find((route) => route.operationId === 'listRepos')?.data.parse(found)).toEqual(found);
    expect((await find(owner.agentName.slice(3))).repos.length).toBeGreaterThan(1);
    expect(await find(`${word}nothing`)).toEqual({ repos: [], nextCursor: null });
  });

  it('takes every character as itself', async () => {
    const word = randomUUID();
    await create(`p-${word}`, 'public', `100% of_it \\ ${word}`);
    await create(`q-${word}`, 'public', `1000 ofXit ${word}`);
    for (const text of [`100% of`, 'of_it', 'it \\', '\\ ']) expect(names(await find(text))).toEqual([`p-${word}`]);
    expect((await find("'; --")).repos).toEqual([]);
    expect((await find('x'.repeat(5000))).repos).toEqual([]);
    expect(code(await send(app.url, '/v1/repos?search=%00'))).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('shows signers their own private ones and those they have a role on', async () => {
    const word = randomUUID();
    const { repoId } = await create(`secret-${word}`, 'private');
    const reader = await newAgent(app);
    const signed = (agent: TestAgent, form: 'nested' | 'headers') =>
      signedRequest(app, agent, 'GET', `/v1/repos?search=${word}`, { action: 'repo_list', form, fields: {} });
    for (const form of ['nested', 'headers'] as const) {
      expect(names((await signed(owner, form)).json.data)).toEqual([`secret-${word}`]);
      expect(names((await signed(reader, form)).json.data)).toEqual([]);
    }
    await app.ctx.db.orm.insert(repoAccess).values({ repoId, agentId: reader.agentId, role: 'read' });
    const answer = await signed(reader, 'headers');
    expect(names(answer.json.data)).toEqual([`secret-${word}`]);
    expect(answer.headers['cache-control']).toBe('no-store');
    const forged = await signed({ ...owner, privateKey: reader.privateKey }, 'headers');
    expect(code(forged)).toEqual([401, 'INVALID_SIGNATURE']);
  });

  it('is everything public when the text is empty, and still needs no signature', async () => {
    await create(`r-${randomUUID()}`);
    expect((await find('')).repos.length).toBeGreaterThan(0);
    expect(code(await send(app.url, '/v1/repos'))).toEqual([401, 'INVALID_SIGNATURE']);
    expect(code(await send(app.url, '/v1/repos?limit=5'))).toEqual([401, 'INVALID_SIGNATURE']);
  });
});

describe('paging', () => {
  it('neither repeats nor loses rows while others arrive, also for rows of one moment', async () => {
    const word = randomUUID();
    for (let i = 0; i < 5; i++) await create(`${word}-${i}`);
    await app.ctx.db.sql`UPDATE repositories SET created_at = '2026-01-01T00:00:00.123456Z'
      WHERE name IN (${`${word}-1`}, ${`${word}-2`}, ${`${word}-3`})`;
    const all = names(await find(word));
    expect(all).toHaveLength(5);
    const seen: string[] = [];
    let cursor: string | null = '';
    for (let i = 0; cursor !== null && i < 10; i++) {
      const page: Listed = await find(word, `&limit=2&cursor=${cursor}`);
      seen.push(...names(page));
      cursor = page.nextCursor;
      await create(`${word}-late-${i}`);
    }
    expect(seen).toEqual(all);
  });

  it('of the own list begins when it is asked for', async () => {
    const agent = await newAgent(app);
    const repos = [];
    for (let i = 0; i < 3; i++) repos.unshift((await newRepository(app, agent)).name);
    const list = (query: string) => signedRequest(app, agent, 'GET', `/v1/repos${query}`, { action: 'repo_list' });
    expect((await list('')).json.data).toMatchObject({ nextCursor: null });
    expect(names((await list('')).json.data)).toEqual(repos);
    const first = (await list('?perPage=2')).json.data;
    expect(names(first)).toEqual(repos.slice(0, 2));
    expect(names((await list(`?cursor=${first.nextCursor}`)).json.data)).toEqual(repos.slice(2));
    expect(code(await list('?cursor=abc'))).toEqual([400, 'INVALID_PAGINATION']);
    expect(code(await list('?limit=ten'))).toEqual([400, 'INVALID_PAGINATION']);
  });

  it('of audit lists goes on behind the last event', async () => {
    const agent = await newAgent(app);
    for (let i = 0; i < 3; i++) await newRepository(app, agent);
    const list = async (query: string) =>
      (await send(app.url, `/v1/audit?agent_id=${agent.agentId}&${query}`)).json.data;
    const ids = (data: { events: { eventId: string }[] }) => data.events.map((event) => event.eventId);
    const all = await list('');
    expect([all.total, all.hasMore, all.nextCursor]).toEqual([4, false, null]);
    const first = await list('limit=3');
    await newRepository(app, agent);
    const second = await list(`limit=3&cursor=${first.nextCursor}`);
    expect([...ids(first), ...ids(second)]).toEqual(ids(all));
    expect(second.nextCursor).toBeNull();
    expect(code(await send(app.url, '/v1/audit?cursor=zzz'))).toEqual([400, 'INVALID_PAGINATION']);
    const { repoId } = await newRepository(app, agent);
    expect((await send(app.url, `/v1/repos/${repoId}/audit`)).json.data).toMatchObject({ nextCursor: null });
    expect(code(await send(app.url, `/v1/repos/${repoId}/audit?cursor=zzz`))).toEqual([400, 'INVALID_PAGINATION']);
  });
});
