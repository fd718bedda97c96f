import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_ENV, AdminNodes, PASSWORD, promised } from '../../test/support/admin.js';
import { newAgent, newRepository, send, signedRequest, startTestApp } from '../../test/support/http.js';

let nodes: AdminNodes;

beforeAll(async () => {
  nodes = await AdminNodes.start();
});

afterAll(() => nodes?.stop());

describe('agents', () => {
  test('details, and suspension that works at once on every node', async () => {
    const agent = await newAgent(nodes.apps[0]!);
    await newRepository(nodes.apps[0]!, agent);
    const path = `/agents/${agent.agentId}`;
    const shown = await nodes.admin('GET', path);
    promised('/agents/{agentId}', 'get', shown.json.data);
    expect(shown.json.data).toMatchObject({
      ...{ agentId: agent.agentId, agentName: agent.agentName, publicKey: agent.publicKey, capabilities: [] },
      ...{ suspended: false, suspendedAt: null, suspendedReason: null, reputationScore: 0.5 },
      ...{ repoCount: 1, prCount: 0, reviewCount: 0 },
    });
    const suspended = await nodes.admin('POST', `${path}/suspend`, { body: { reason: 'spam' } });
    promised('/agents/{agentId}/suspend', 'post', suspended.json.data);
    const again = await nodes.admin('POST', `${path}/suspend`);
    expect([again.status, again.json.error.code]).toEqual([409, 'ALREADY_SUSPENDED']);
    const call = await signedRequest(nodes.apps[1]!, agent, 'GET', '/v1/repos', { action: 'repo_list' });
    expect([call.status, call.json.error.details.reason]).toEqual([403, 'spam']);
    expect((await nodes.admin('GET', path)).json.data).toMatchObject({ suspended: true, suspendedReason: 'spam' });
    expect(await nodes.lastEvent('admin_suspend_agent')).toMatchObject({
      ...{ agentId: 'root', resourceType: 'agent', resourceId: agent.agentId, signature: '' },
      data: { reason: 'spam', admin_id: 'root' },
    });
    const lifted = await nodes.admin('POST', `${path}/unsuspend`, { node: 1 });
    promised('/agents/{agentId}/unsuspend', 'post', lifted.json.data);
    const twice = await nodes.admin('POST', `${path}/unsuspend`);
    expect([twice.status, twice.json.error.code]).toEqual([409, 'NOT_SUSPENDED']);
    expect((await signedRequest(nodes.apps[0]!, agent, 'GET', '/v1/repos', { action: 'repo_list' })).status).toBe(200);
    expect((await nodes.lastEvent('admin_unsuspend_agent')).data).toEqual({ admin_id: 'root' });
    await nodes.admin('POST', `${path}/suspend`);
    expect((await nodes.admin('GET', path)).json.data.suspendedReason).toBeNull();
  });

  test.each(['GET /', 'POST /suspend', 'POST /unsuspend'])('%s of an unknown agent', async (route) => {
    const [method = '', rest = ''] = route.split(' ');
    for (const id of [randomUUID(), 'x'.repeat(65), '%00']) {
      const answer = await nodes.admin(method, `/agents/${id}${rest === '/' ? '' : rest}`);
      expect([answer.status, answer.json.error.code]).toEqual([404, 'AGENT_NOT_FOUND']);
    }
  });

  test('bad bodies are refused', async () => {
    const agent = await newAgent(nodes.apps[0]!);
    for (const body of [{ reason: 7 }, { reason: 'x'.repeat(1001) }, '{"reason":', '[]']) {
      const answer = await nodes.admin('POST', `/agents/${agent.agentId}/suspend`, { body });
      expect([answer.status, answer.json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    }
  });
});

describe('lists', () => {
  const marker = randomUUID().slice(0, 8);

  beforeAll(async () => {
    for (const suffix of ['a_b', 'aXb', 'UPPER']) {
      const owner = await newAgent(nodes.apps[0]!, { agentName: `${marker}-${suffix}` });
      await newRepository(nodes.apps[0]!, owner, { name: `${marker}.repo-${suffix}`, visibility: 'private' });
    }
  });

  const names = async (list: string, query: string) => {
    const { status, json } = await nodes.admin('GET', `/${list}?${query}`);
    expect(status).toBe(200);
    promised(`/${list}`, 'get', json.data);
    return json.data.items.map((item: { agentName?: string; name?: string }) => item.agentName ?? item.name);
  };

  test('search takes text literally and ignores case', async () => {
    expect(await names('agents', `search=${marker}-a_b`)).toEqual([`${marker}-a_b`]);
    expect(await names('agents', `search=${marker}-a%25b`)).toEqual([]);
    expect(await names('agents', `search=${marker.toUpperCase()}-upper`)).toEqual([`${marker}-UPPER`]);
    expect(await names('agents', 'search=%5C')).toEqual([]);
    expect(await names('repos', `search=${marker}.repo-a_b`)).toEqual([`${marker}.repo-a_b`]);
    expect(await names('repos', `search=${marker}-UPP`), 'by the owner').toEqual([`${marker}.repo-UPPER`]);
    const { agentId } = (await nodes.admin('GET', `/agents?search=${marker}-aXb`)).json.data.items[0];
    expect(await names('agents', `search=${agentId.toUpperCase()}`)).toEqual([`${marker}-aXb`]);
    const { repoId } = (await nodes.admin('GET', `/repos?search=${marker}.repo-aXb`)).json.data.items[0];
    expect(await names('repos', `search=${repoId}`)).toEqual([`${marker}.repo-aXb`]);
    expect((await nodes.admin('GET', '/agents?search=%00')).status).toBe(400);
  });

  test('pages are newest first and clamped', async () => {
    const page = async (query: string) => (await nodes.admin('GET', `/agents?search=${marker}&${query}`)).json.data;
    const first = await page('perPage=2');
    expect(first).toMatchObject({ total: 3, page: 1, perPage: 2, totalPages: 2 });
    expect(first.items.map((item: { agentName: string }) => item.agentName)).toEqual([
      `${marker}-UPPER`,
      `${marker}-aXb`,
    ]);
    expect((await page('perPage=2&page=2')).items).toHaveLength(1);
    expect(await page('page=0&perPage=0')).toMatchObject({ page: 1, perPage: 1, totalPages: 3 });
    expect(await page('page=-5&perPage=1000')).toMatchObject({ page: 1, perPage: 100, totalPages: 1 });
    expect((await page('page=9')).items).toEqual([]);
    const nothing = (await nodes.admin('GET', `/repos?search=${randomUUID()}`)).json.data;
    expect(nothing).toEqual({ items: [], total: 0, page: 1, perPage: 20, totalPages: 1 });
    const bad = await nodes.admin('GET', '/agents?page=two');
    expect([bad.status, bad.json.error.code]).toEqual([400, 'INVALID_PAGINATION']);
  });

  test('the audit log with filters', async () => {
    const { json } = await nodes.admin('GET', '/audit?action=repo_create&perPage=2');
    promised('/audit', 'get', json.data);
    expect(json.data).toMatchObject({ page: 1, perPage: 2, hasMore: true });
    expect(json.data.totalPages).toBe(Math.ceil(json.data.total / 2));
    const { timestamp } = json.data.items[0];
    const count = async (query: string) =>
      (await nodes.admin('GET', `/audit?action=repo_create&${query}`)).json.data.total;
    expect(await count(`fromTimestamp=${timestamp}`)).toBe(1);
    expect(await count(`toTimestamp=${timestamp}`)).toBe(json.data.total);
    expect(await count('toTimestamp=2020-01-01T00:00:00Z')).toBe(0);
    const empty = (await nodes.admin('GET', '/audit?agentId=nobody')).json.data;
    expect(empty).toMatchObject({ items: [], total: 0, totalPages: 1, hasMore: false });
    const bad = await nodes.admin('GET', '/audit?fromTimestamp=yesterday');
    expect([bad.status, bad.json.error.code]).toEqual([400, 'VALIDATION_ERROR']);
  });

  test('a repository', async () => {
    const { repoId } = (await nodes.admin('GET', `/repos?search=${marker}.repo-aXb`)).json.data.items[0];
    const { json } = await nodes.admin('GET', `/repos/${repoId}`);
    promised('/repos/{repoId}', 'get', json.data);
    expect(json.data).toMatchObject({
      ...{ repoId, ownerName: `${marker}-aXb`, visibility: 'private', description: null, defaultBranch: 'main' },
      ...{ starCount: 0, prCount: 0, ciRunCount: 0, objectCount: 0, totalSizeBytes: 0 },
    });
    const unknown = await nodes.admin('GET', `/repos/${randomUUID()}`);
    expect([unknown.status, unknown.json.error.code]).toEqual([404, 'REPO_NOT_FOUND']);
  });
});

test('the counters count', async () => {
  const fresh = await startTestApp({}, ADMIN_ENV);
  try {
    const owner = await newAgent(fresh);
    const bad = await newAgent(fresh);
    const { repoId } = await newRepository(fresh, owner);
    await newRepository(fresh, owner);
    const { sql } = fresh.ctx.db;
    await sql`UPDATE agents SET suspended = true WHERE agent_id = ${bad.agentId}`;
    await sql`UPDATE repo_star_counts SET stars = 4 WHERE repo_id = ${repoId}`;
    const pulls = ['open', 'open', 'merged', 'closed', 'closed', 'closed'];
    for (const [i, status] of pulls.entries()) {
      await sql`INSERT INTO pull_requests (pr_id, repo_id, author_id, source_branch, target_branch, title, status, number)
        VALUES (${`pr-${i}`}, ${repoId}, ${owner.agentId}, 'a', 'b', 't', ${status}, ${i + 1})`;
    }
    const runs = ['pending', 'running', 'running', 'passed', 'failed', 'cancelled', 'timed_out'];
    for (const [i, status] of runs.entries()) {
      await sql`INSERT INTO ci_runs (run_id, pr_id, repo_id, commit_sha, status)
        VALUES (${`run-${i}`}, ${`pr-${i % 6}`}, ${repoId}, ${'0'.repeat(40)}, ${status})`;
    }
    const body = { username: 'root', password: PASSWORD };
    const entered = await send(fresh.url, '/admin/login', { method: 'POST', body });
    const headers = { authorization: `Bearer ${entered.json.data.token}` };
    const { json } = await send(fresh.url, '/admin/stats', { headers });
    promised('/stats', 'get', json.data);
    expect(json.data).toEqual({
      ...{ totalAgents: 2, totalRepos: 2, totalStars: 4, suspendedAgents: 1 },
      pullRequests: { open: 2, merged: 1, closed: 3 },
      ciRuns: { pending: 1, running: 2, passed: 1, failed: 3 },
    });
  } finally {
    await fresh.close();
  }
});

describe('the page', () => {
  const browse = (path: string) =>
    send(nodes.apps[0]!.url, path, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });

  test('a browser gets the page for every address below /admin', async () => {
    for (const path of ['/admin', '/admin/', '/admin/agents', '/admin/login', '/admin/audit?action=push']) {
      const answer = await browse(path);
      expect([path, answer.status, answer.headers['content-type']]).toEqual([path, 200, 'text/html; charset=utf-8']);
      expect(answer.headers.vary).toContain('Accept');
    }
  });

  test('nothing but its own script and style may run in it', async () => {
    const { text, headers } = await browse('/admin');
    const policy = String(headers['content-security-policy']);
    for (const [tag, directive] of [
      ['script', 'script-src'],
      ['style', 'style-src'],
    ] as const) {
      const [, code = ''] = new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`).exec(text) ?? [];
      expect(code.length).toBeGreaterThan(1000);
      expect(policy).toContain(`${directive} 'sha256-${createHash('sha256').update(code).digest('base64')}'`);
    }
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toContain('unsafe');
    const markup = text.replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>/g, '');
    expect(markup).not.toMatch(/\son\w+=|\sstyle=|\ssrc=|https?:/);
  });

  test('programs get JSON there, and /api/admin is never the page', async () => {
    const plain = await send(nodes.apps[0]!.url, '/admin/stats', { headers: { accept: '*/*' } });
    expect([plain.status, plain.json.error.code]).toEqual([401, 'INVALID_TOKEN']);
    const api = await browse('/api/admin/stats');
    expect([api.status, api.json.error.code]).toEqual([401, 'INVALID_TOKEN']);
    const root = await send(nodes.apps[0]!.url, '/admin', { headers: { accept: 'application/json' } });
    expect([root.status, root.json.error.code]).toEqual([404, 'NOT_FOUND']);
    const posted = await send(nodes.apps[0]!.url, '/admin/nowhere', {
      method: 'POST',
      headers: { accept: 'text/html' },
    });
    expect(posted.status).toBe(404);
  });
});
