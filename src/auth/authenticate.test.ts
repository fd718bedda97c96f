import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addKey,
  authContext,
  createAgent,
  rawRequest,
  secondsFromNow,
  signHeaders,
  signNested,
  type TestAgent,
} from '../../test/support/auth.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { AppContext } from '../context.js';
import type { JsonObject } from '../signing/index.js';
import { type ActionRule, authenticate } from './index.js';

let database: TestDatabase;
let ctx: AppContext;
let agent: TestAgent;
let other: TestAgent;

beforeAll(async () => {
  database = await createTestDatabase();
  ctx = authContext(database.db);
  agent = await createAgent(database.db);
  other = await createAgent(database.db, 'ecdsa');
});
afterAll(() => database.drop());

const repoId = randomUUID();
const targetAgentId = randomUUID();
const createRule: ActionRule = {
  actions: ['repo_create'],
  mutates: true,
  ids: {},
  flatBody: ({ name, description, visibility }) => ({
    name: name ?? null,
    description: description ?? null,
    visibility: visibility ?? 'public',
  }),
};
const starRule: ActionRule = {
  actions: ['star'],
  mutates: true,
  ids: { repoId },
  flatBody: ({ reason, reasonPublic }) => ({ repoId, reason: reason ?? null, reasonPublic: reasonPublic ?? false }),
};
const revokeRule: ActionRule = {
  actions: ['access_revoke'],
  mutates: true,
  ids: { repoId, targetAgentId },
  aliases: { targetAgentId: ['agentId'] },
  flatBody: () => ({ repoId, targetAgentId }),
};
const grantRule: ActionRule = {
  actions: ['access_grant'],
  mutates: true,
  ids: { repoId },
  flatBody: (fields) => ({ repoId, targetAgentId: fields.targetAgentId ?? null, role: fields.role ?? null }),
};
const listRule: ActionRule = { actions: ['repo_list'], mutates: false, ids: {}, flatBody: () => ({}) };
const reviewRule: ActionRule = {
  actions: ['pr_review', 'review_create'],
  mutates: true,
  ids: { repoId },
  flatBody: ({ verdict, body }) => ({ repoId, verdict: verdict ?? null, body: body ?? null }),
};
const starPath = `/v1/repos/${repoId}/stars:star`;

const call = (rule: ActionRule, json: unknown, url = '/v1/x', method = 'POST', context = ctx) =>
  authenticate(context, rawRequest(method, url, { json }), rule);
const failure = (code: string, details?: object) =>
  expect.objectContaining(details === undefined ? { code } : { code, details: expect.objectContaining(details) });

describe('nested form: the bodies that the public SDKs send', () => {
  it.each([
    ['repo_create, TS and PY', createRule, 'repo_create', { name: 'a', description: null, visibility: 'public' }],
    ['repo_create, PYA', createRule, 'repo_create', { name: 'a', visibility: 'private' }],
    ['repo_list', listRule, 'repo_list', {}],
    ['access_grant, TS and PY', grantRule, 'access_grant', { repoId, targetAgentId, role: 'read' }],
    ['access_grant, RS', grantRule, 'access_grant', { repoId, agentId: targetAgentId, role: 'read' }],
    ['access_grant, PYA', grantRule, 'access_grant', { targetAgentId, role: 'read' }],
    ['access_revoke, TS and PY', revokeRule, 'access_revoke', { repoId, targetAgentId }],
    ['access_revoke, RS', revokeRule, 'access_revoke', { repoId, agentId: targetAgentId }],
    ['access_revoke, PYA', revokeRule, 'access_revoke', {}],
    ['star, TS and PY', starRule, 'star', { repoId, reason: 'Grüße "x"\\\n\u0001€ 😀 /', reasonPublic: true }],
    ['star, PYA', starRule, 'star', {}],
    ['review, RS', reviewRule, 'review_create', { repoId, verdict: 'approve', body: 'LGTM' }],
  ] as [string, ActionRule, string, JsonObject][])('%s', async (_name, rule, action, body) => {
    for (const signer of [agent, other]) {
      const json = signNested(signer, { action, body });
      const signed = await call(rule, json);
      const { agentId, agentName, keyId } = signer;
      expect(signed).toMatchObject({ principal: { agentId, agentName, keyId }, action, body });
      expect(signed.proof).toMatchObject({ agentId, action, keyId, nonce: json.nonce, nonceHash: json.nonceHash });
      expect(JSON.parse(signed.proof.canonical)).toMatchObject({ agentId, action, body });
      expect(signed.fingerprint).toMatch(/^[0-9a-f]{64}$/);
      expect(signed.replay).toBeUndefined();
    }
  });
});

describe('other forms', () => {
  const flatStar = (json: JsonObject, body: JsonObject) => {
    const { agentId, timestamp, nonce, signature } = signNested(agent, { action: 'star', body });
    return { agentId, timestamp, nonce, signature, ...json };
  };

  it('flat: defaults and path ids are filled in before the signature is checked', async () => {
    const rebuilt = { repoId, reason: null, reasonPublic: false };
    expect((await call(starRule, flatStar({}, rebuilt))).body).toEqual(rebuilt);
    expect((await call(starRule, flatStar({ reason: null }, rebuilt))).body).toEqual(rebuilt);
    const withReason = { repoId, reason: 'x', reasonPublic: true };
    expect((await call(starRule, flatStar({ reason: 'x', reasonPublic: true }, withReason))).body).toEqual(withReason);
  });

  it('flat: action fields exactly as sent count too', async () => {
    const signed = await call(starRule, flatStar({ reason: 'x' }, { reason: 'x' }));
    expect(signed.body).toEqual({ reason: 'x' });
  });

  it('flat: without an action every allowed one is tried, a text called body is a field', async () => {
    const body = { repoId, verdict: 'approve', body: 'LGTM' };
    const { agentId, timestamp, nonce, signature } = signNested(agent, { action: 'review_create', body });
    const json = { agentId, timestamp, nonce, signature, verdict: 'approve', body: 'LGTM' };
    expect(await call(reviewRule, json)).toMatchObject({ action: 'review_create', body });
    await expect(call(reviewRule, { ...json, action: 'pr_review' })).rejects.toEqual(failure('INVALID_SIGNATURE'));
    await expect(call(reviewRule, { ...json, action: 'star' })).rejects.toEqual(failure('VALIDATION_ERROR'));
  });

  it('flat: several rebuilt bodies are tried', async () => {
    const rule = { ...starRule, flatBody: () => [{ a: 1 }, { repoId, a: 2 }] };
    expect((await call(rule, flatStar({}, { repoId, a: 2 }))).body).toEqual({ repoId, a: 2 });
  });

  it('headers, with fields in the body or the query, or none at all', async () => {
    const body = { repoId, reason: 'x', reasonPublic: false };
    const star = (parts: object, url = starPath) =>
      authenticate(
        ctx,
        rawRequest('POST', url, { headers: signHeaders(agent, { action: 'star', body }), ...parts }),
        starRule,
      );
    expect((await star({ json: { reason: 'x' } })).body).toEqual(body);
    expect((await star({}, `${starPath}?reason=x`)).body).toEqual(body);
    const list = rawRequest('GET', '/v1/repos?page=2', { headers: signHeaders(agent, { action: 'repo_list' }) });
    expect(await authenticate(ctx, list, listRule)).toMatchObject({ action: 'repo_list', body: {} });
    const wrong = { ...signHeaders(agent, { action: 'repo_list' }), 'x-action': 'star' };
    await expect(authenticate(ctx, rawRequest('GET', '/v1/repos', { headers: wrong }), listRule)).rejects.toEqual(
      failure('VALIDATION_ERROR'),
    );
  });

  it.each(['GET', 'DELETE'])('query on %s, "+" escaped or not', async (method) => {
    for (const signer of [agent, other]) {
      for (const encode of [encodeURIComponent, (text: string) => text]) {
        const { agentId, timestamp, nonce, signature } = signNested(signer, {
          action: 'repo_list',
          timestamp: secondsFromNow(7200).replace('Z', '+02:00'),
        });
        const url = `/v1/repos?agentId=${agentId}&timestamp=${encode(timestamp)}&nonce=${nonce}&signature=${encode(signature)}`;
        expect((await authenticate(ctx, rawRequest(method, url), listRule)).principal.agentId).toBe(signer.agentId);
      }
    }
  });

  it('query on POST carries nothing', async () => {
    const { agentId, timestamp, nonce, signature } = signNested(agent, { action: 'repo_list' });
    const url = `/v1/repos?${new URLSearchParams({ agentId, timestamp, nonce, signature })}`;
    await expect(authenticate(ctx, rawRequest('POST', url), listRule)).rejects.toEqual(failure('INVALID_SIGNATURE'));
  });

  it('a timestamp signed in normalised spelling is accepted', async () => {
    const timestamp = secondsFromNow(0);
    const json = signNested(agent, { action: 'repo_list', timestamp });
    for (const spelling of [timestamp.replace('Z', '+00:00'), timestamp.replace('Z', '.000Z')]) {
      const signed = await call(listRule, { ...json, timestamp: spelling });
      expect(signed.proof).toMatchObject({ timestamp: spelling, canonical: expect.stringContaining(timestamp) });
    }
  });

  it('the same proof in two places counts once, different ones are refused', async () => {
    const json = signNested(agent, { action: 'repo_list' });
    const headers = {
      'x-agent-id': json.agentId,
      'x-timestamp': json.timestamp,
      'x-nonce': json.nonce,
      'x-signature': json.signature,
    };
    const send = (extra: Record<string, string>) =>
      authenticate(ctx, rawRequest('GET', '/v1/repos', { json, headers: extra }), listRule);
    expect((await send(headers)).principal.agentId).toBe(agent.agentId);
    expect((await send({ 'x-agent-id': agent.agentId })).principal.agentId).toBe(agent.agentId);
    expect((await send({ authorization: 'Bearer x' })).principal.agentId).toBe(agent.agentId);
    for (const extra of [
      { ...headers, 'x-nonce': randomUUID() },
      { 'x-agent-id': other.agentId },
      signHeaders(other, { action: 'repo_list' }),
      { authorization: 'GitClaw gct1.AAAA.AAAA' },
    ]) {
      await expect(send(extra)).rejects.toEqual(failure('VALIDATION_ERROR'));
    }
  });
});

describe('refusals', () => {
  const json = (change: object = {}) => ({ ...signNested(agent, { action: 'star', body: { repoId } }), ...change });

  it.each([
    ['no JSON', Buffer.from('{'), 'VALIDATION_ERROR'],
    ['an array', Buffer.from('[]'), 'VALIDATION_ERROR'],
    ['bytes that are not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), 'VALIDATION_ERROR'],
    ['a repeated key', Buffer.from('{"agentId":"a","agentId":"b"}'), 'VALIDATION_ERROR'],
    ['nothing', Buffer.alloc(0), 'INVALID_SIGNATURE'],
    ['an unsigned body', Buffer.from('{"name":"x"}'), 'INVALID_SIGNATURE'],
  ])('%s', async (_name, body, code) => {
    await expect(authenticate(ctx, rawRequest('POST', '/v1/x', { body }), starRule)).rejects.toEqual(failure(code));
  });

  it.each([
    ['agentId missing', { agentId: undefined }, 'VALIDATION_ERROR', { field: 'agentId' }],
    ['agentId a number', { agentId: 1 }, 'VALIDATION_ERROR', { field: 'agentId' }],
    ['agentId too long', { agentId: 'x'.repeat(65) }, 'VALIDATION_ERROR', { field: 'agentId' }],
    ['agentId unknown', { agentId: 'nobody', nonceHash: null }, 'AGENT_NOT_FOUND', { agentId: 'nobody' }],
    ['action missing', { action: undefined }, 'VALIDATION_ERROR', { field: 'action' }],
    ['action of another endpoint', { action: 'unstar' }, 'VALIDATION_ERROR', { field: 'action' }],
    ['timestamp missing', { timestamp: undefined }, 'VALIDATION_ERROR', { field: 'timestamp' }],
    ['timestamp null', { timestamp: null }, 'VALIDATION_ERROR', { field: 'timestamp' }],
    ['timestamp without offset', { timestamp: '2026-01-15T10:30:00' }, 'VALIDATION_ERROR', { field: 'timestamp' }],
    ['nonce missing', { nonce: undefined }, 'VALIDATION_ERROR', { field: 'nonce' }],
    ['nonce no UUID', { nonce: 'x' }, 'VALIDATION_ERROR', { field: 'nonce' }],
    ['nonceHash wrong', { nonceHash: '0'.repeat(64) }, 'VALIDATION_ERROR', { field: 'nonceHash' }],
    ['signature missing', { signature: undefined }, 'INVALID_SIGNATURE', { reason: 'missing_signature' }],
    ['signature a number', { signature: 1 }, 'VALIDATION_ERROR', { field: 'signature' }],
    ['signature not base64', { signature: '%%%' }, 'INVALID_SIGNATURE', { reason: 'signature_encoding' }],
    [
      'signature wrong',
      { signature: Buffer.alloc(64, 1).toString('base64') },
      'INVALID_SIGNATURE',
      { reason: 'signature_mismatch' },
    ],
    ['body changed', { body: { repoId, reason: 'y' } }, 'INVALID_SIGNATURE', { reason: 'signature_mismatch' }],
    ['timestamp changed', { timestamp: secondsFromNow(-1) }, 'INVALID_SIGNATURE', { reason: 'signature_mismatch' }],
  ] as [string, object, string, object][])('%s', async (_name, change, code, details) => {
    await expect(call(starRule, json(change))).rejects.toEqual(failure(code, details));
  });

  it("another agent's signature", async () => {
    const forged = signNested(
      { agentId: agent.agentId, privateKey: other.privateKey },
      { action: 'star', body: { repoId } },
    );
    await expect(call(starRule, forged)).rejects.toEqual(failure('INVALID_SIGNATURE'));
  });

  it('U+0000 in a query field', async () => {
    const request = rawRequest('GET', '/v1/repos?q=%00', { headers: signHeaders(agent, { action: 'repo_list' }) });
    await expect(authenticate(ctx, request, listRule)).rejects.toEqual(failure('VALIDATION_ERROR'));
  });

  it.each([
    [-298, undefined],
    [-303, 'timestamp_too_old'],
    [28, undefined],
    [34, 'timestamp_in_future'],
  ])('signed %d s from now', async (offsetSecs, reason) => {
    const attempt = call(listRule, signNested(agent, { action: 'repo_list', offsetSecs }));
    if (reason === undefined) await expect(attempt).resolves.toMatchObject({ action: 'repo_list' });
    else
      await expect(attempt).rejects.toEqual(
        failure('SIGNATURE_EXPIRED', {
          ...{ reason, serverTime: expect.stringMatching(/Z$/), signedAt: expect.stringMatching(/Z$/) },
        }),
      );
  });

  it.each([
    [starRule, 'star', { repoId: randomUUID() }],
    [starRule, 'star', { repoId: null }],
    [revokeRule, 'access_revoke', { repoId, targetAgentId: 'x' }],
    [revokeRule, 'access_revoke', { repoId, agentId: 'x' }],
  ] as [ActionRule, string, JsonObject][])('ids that are not those of the path (%#)', async (rule, action, body) => {
    await expect(call(rule, signNested(agent, { action, body }))).rejects.toEqual(failure('VALIDATION_ERROR'));
  });

  it('targetAgentId wins over agentId when a body has both', async () => {
    const body = { repoId, targetAgentId, agentId: 'whatever' };
    await expect(call(revokeRule, signNested(agent, { action: 'access_revoke', body }))).resolves.toMatchObject({
      body,
    });
  });

  it('bodies without path ids when GITCLAW_STRICT_BINDING is on', async () => {
    const strict = authContext(database.db, { GITCLAW_STRICT_BINDING: 'true' });
    const send = (rule: ActionRule, value: unknown) => call(rule, value, '/v1/x', 'POST', strict);
    await expect(send(starRule, signNested(agent, { action: 'star' }))).rejects.toEqual(
      failure('VALIDATION_ERROR', { field: 'repoId' }),
    );
    await expect(send(starRule, json())).resolves.toMatchObject({ action: 'star' });
    const rs = signNested(agent, { action: 'access_revoke', body: { repoId, agentId: targetAgentId } });
    await expect(send(revokeRule, rs)).resolves.toMatchObject({ action: 'access_revoke' });
  });
});

describe('keys and suspension', () => {
  it('any active key signs, a revoked one does not, with immediate effect', async () => {
    const holder = await createAgent(database.db);
    const second = await addKey(database.db, holder.agentId, 'ecdsa');
    const signer = { agentId: holder.agentId, privateKey: second.privateKey };
    const send = () => call(listRule, signNested(signer, { action: 'repo_list' }));
    expect((await send()).principal.keyId).toBe(second.keyId);
    await database.db.sql`UPDATE agent_keys SET revoked_at = now() WHERE key_id = ${second.keyId}`;
    await expect(send()).rejects.toEqual(failure('INVALID_SIGNATURE'));
    await expect(call(listRule, signNested(holder, { action: 'repo_list' }))).resolves.toMatchObject({
      principal: { keyId: holder.keyId },
    });
  });

  it('an unreadable key row does not block the others', async () => {
    const holder = await createAgent(database.db);
    await database.db.sql`INSERT INTO agent_keys (key_id, agent_id, public_key, key_type, fingerprint, created_at)
      VALUES (${randomUUID()}, ${holder.agentId}, 'rubbish', 'ed25519', 'x', '2000-01-01')`;
    await expect(call(listRule, signNested(holder, { action: 'repo_list' }))).resolves.toMatchObject({
      principal: { keyId: holder.keyId },
    });
  });

  it('a suspended agent is told so, but only when its signature is good', async () => {
    const holder = await createAgent(database.db);
    await database.db
      .sql`UPDATE agents SET suspended = true, suspended_at = '2026-01-15T10:30:00.5Z', suspended_reason = 'spam'
      WHERE agent_id = ${holder.agentId}`;
    const signed = signNested(holder, { action: 'repo_list', offsetSecs: -9000 });
    await expect(call(listRule, signed)).rejects.toEqual(
      failure('SUSPENDED_AGENT', { suspendedAt: '2026-01-15T10:30:00.500Z', reason: 'spam' }),
    );
    await expect(call(listRule, { ...signed, signature: Buffer.alloc(64).toString('base64') })).rejects.toEqual(
      failure('INVALID_SIGNATURE'),
    );
    await database.db.sql`UPDATE agents SET suspended = false WHERE agent_id = ${holder.agentId}`;
    await expect(call(listRule, signNested(holder, { action: 'repo_list' }))).resolves.toBeDefined();
  });

  it('a closed database is DATABASE_ERROR', async () => {
    const gone = await createTestDatabase();
    await gone.drop();
    const broken = authContext(gone.db);
    await expect(call(listRule, signNested(agent, { action: 'repo_list' }), '/v1/x', 'POST', broken)).rejects.toEqual(
      failure('DATABASE_ERROR'),
    );
  });
});
