import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authContext,
  basic,
  createAgent,
  rawRequest,
  signHeaders,
  signNested,
  signToken,
  type TestAgent,
} from '../../test/support/auth.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { AppContext } from '../context.js';
import { optionalPrincipal, READ_ACTIONS } from './index.js';

let database: TestDatabase;
let ctx: AppContext;
let agent: TestAgent;
beforeAll(async () => {
  database = await createTestDatabase();
  ctx = authContext(database.db);
  agent = await createAgent(database.db);
});
afterAll(() => database.drop());

const repo = { repoId: randomUUID(), ownerName: 'owner', name: 'name' };
const url = `/v1/repos/${repo.repoId}?ref=main`;
const ask = (headers: Record<string, string>, context = ctx) =>
  optionalPrincipal(context, rawRequest('GET', url, { headers }), repo);

describe('optionalPrincipal', () => {
  it.each([
    ['nothing', {}],
    ['a name only', { 'x-agent-id': 'someone' }],
    ['the documented helper', basic('someone', 'gitclaw-token')],
    ['an admin session', { authorization: 'Bearer x' }],
  ])('%s is nobody', async (_name, headers) => {
    expect(await ask(headers)).toBeUndefined();
  });

  it('takes headers, query and body envelopes of any read action', async () => {
    for (const action of READ_ACTIONS) {
      for (const body of [{ repoId: repo.repoId }, { repoId: 'owner/name' }, {}]) {
        const { agentId, agentName, keyId } = agent;
        const expected = { agentId, agentName, keyId };
        expect(await ask(signHeaders(agent, { action, body }))).toEqual(expected);
        const json = signNested(agent, { action, body });
        const query = new URLSearchParams({
          agentId,
          timestamp: json.timestamp,
          nonce: json.nonce,
          signature: json.signature,
        });
        expect(await optionalPrincipal(ctx, rawRequest('GET', `${url}&${query}`), repo)).toEqual(expected);
        expect(await optionalPrincipal(ctx, rawRequest('GET', url, { json }), repo)).toEqual(expected);
      }
    }
  });

  it('takes the credentials of git', async () => {
    const body = { repoId: 'owner/name', service: 'git-upload-pack' };
    for (const headers of [
      basic(agent.agentId, signToken(agent, body)),
      { authorization: `GitClaw ${signToken(agent, { ...body, service: 'git-receive-pack' })}` },
      signHeaders(agent, { action: 'git_auth', body }),
    ]) {
      expect((await ask(headers))?.agentId).toBe(agent.agentId);
    }
  });

  it('refuses what is present but not good', async () => {
    const otherRepo = { repoId: randomUUID() };
    const cases: [Record<string, string>, string][] = [
      [signHeaders(agent, { action: 'star', body: { repoId: repo.repoId } }), 'INVALID_SIGNATURE'],
      [signHeaders(agent, { action: 'repo_get', body: otherRepo }), 'INVALID_SIGNATURE'],
      [signHeaders(agent, { action: 'repo_get', offsetSecs: -400 }), 'SIGNATURE_EXPIRED'],
      [signHeaders({ ...agent, agentId: randomUUID() }, { action: 'repo_get' }), 'AGENT_NOT_FOUND'],
      [{ ...signHeaders(agent, { action: 'repo_get' }), 'x-nonce': 'x' }, 'VALIDATION_ERROR'],
      [basic(agent.agentId, 'hunter2'), 'INVALID_SIGNATURE'],
      [
        { authorization: `GitClaw ${signToken(agent, { ...otherRepo, service: 'git-upload-pack' })}` },
        'INVALID_SIGNATURE',
      ],
    ];
    for (const [headers, code] of cases) await expect(ask(headers)).rejects.toMatchObject({ code });
    const nested = rawRequest('GET', url, { json: signNested(agent, { action: 'repo_get', body: otherRepo }) });
    await expect(optionalPrincipal(ctx, nested, repo)).rejects.toMatchObject({ code: 'INVALID_SIGNATURE' });
    const two = rawRequest('GET', url, {
      headers: { authorization: `GitClaw ${signToken(agent, { repoId: 'owner/name', service: 'git-upload-pack' })}` },
      json: signNested(agent, { action: 'repo_get' }),
    });
    await expect(optionalPrincipal(ctx, two, repo)).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
  });

  it('wants the repository named when GITCLAW_STRICT_BINDING is on', async () => {
    const strict = authContext(database.db, { GITCLAW_STRICT_BINDING: 'true' });
    const bound = signHeaders(agent, { action: 'repo_get', body: { repoId: repo.repoId } });
    expect((await ask(bound, strict))?.agentId).toBe(agent.agentId);
    await expect(ask(signHeaders(agent, { action: 'repo_get' }), strict)).rejects.toMatchObject({
      code: 'INVALID_SIGNATURE',
    });
  });

  it('refuses a suspended agent', async () => {
    const blocked = await createAgent(database.db);
    await database.db.sql`UPDATE agents SET suspended = true WHERE agent_id = ${blocked.agentId}`;
    await expect(ask(signHeaders(blocked, { action: 'repo_get' }))).rejects.toMatchObject({ code: 'SUSPENDED_AGENT' });
  });
});
