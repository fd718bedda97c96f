import { createPrivateKey, randomUUID } from 'node:crypto';
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAgent, send, signedRequest, startTestApp, type TestAgent, type TestApp } from '../../test/support/http.js';
import { agents, auditLog } from '../db/index.js';
import { generateKey } from '../signing/index.js';
import { MAX_ACTIVE_KEYS } from './keys.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const list = async (agentId: string) => (await send(app.url, `/v1/agents/${agentId}/keys`)).json.data.keys;

function add(agent: TestAgent, publicKey: string, form?: 'flat' | 'headers') {
  const { agentId } = agent;
  const signing = { action: 'key_add', body: { agentId, publicKey }, ...(form ? { form, fields: { publicKey } } : {}) };
  return signedRequest(app, agent, 'POST', `/v1/agents/${agentId}/keys`, signing);
}

function revoke(agent: TestAgent, keyId: string, more: { form?: 'query'; nonce?: string } = {}) {
  const { agentId } = agent;
  const signing = { action: 'key_revoke', body: { agentId, keyId }, ...more };
  return signedRequest(app, agent, 'DELETE', `/v1/agents/${agentId}/keys/${keyId}`, signing);
}

/** The same agent, signing with another key. */
async function withNewKey(agent: TestAgent): Promise<TestAgent & { keyId: string }> {
  const { publicKey, privateKeyPem } = generateKey('ecdsa');
  const answer = await add(agent, publicKey);
  expect(answer.status).toBe(201);
  return { ...agent, publicKey, privateKey: createPrivateKey(privateKeyPem), keyId: answer.json.data.keyId };
}

describe('keys of an agent', () => {
  it('adds a key that signs at once, and revokes the first one, which then signs no more', async () => {
    const agent = await newAgent(app);
    const [first] = await list(agent.agentId);
    expect(first).toEqual({
      keyId: expect.any(String),
      type: 'ed25519',
      publicKey: agent.publicKey,
      createdAt: expect.stringMatching(/\.\d{3}Z$/),
      revokedAt: null,
    });
    const second = await withNewKey(agent);
    const gone = await revoke(second, first.keyId);
    expect(gone.status).toBe(200);
    expect(gone.json.data).toEqual({ agentId: agent.agentId, ...first, revokedAt: expect.stringMatching(/\.\d{3}Z$/) });

    const refused = await add(agent, generateKey().publicKey);
    expect([refused.status, refused.json.error.code]).toEqual([401, 'INVALID_SIGNATURE']);
    const keys = await list(agent.agentId);
    expect(keys.map((key: { revokedAt: unknown }) => key.revokedAt === null)).toEqual([false, true]);
    const again = await revoke(second, first.keyId);
    expect([again.status, again.json.data.revokedAt]).toEqual([200, gone.json.data.revokedAt]);

    const rows = await app.ctx.db.orm
      .select()
      .from(auditLog)
      .where(and(eq(auditLog.agentId, agent.agentId), eq(auditLog.resourceType, 'agent')));
    expect(rows.map((row) => [row.action, row.keyId])).toEqual(
      expect.arrayContaining([
        ['key_add', first.keyId],
        ['key_revoke', second.keyId],
      ]),
    );
    expect(rows).toHaveLength(3);
  });

  it('refuses to revoke the last active key, also when two revocations race', async () => {
    const agent = await newAgent(app);
    const [first] = await list(agent.agentId);
    const alone = await revoke(agent, first.keyId);
    expect([alone.status, alone.json.error.code]).toEqual([409, 'LAST_KEY']);

    for (let round = 0; round < 5; round += 1) {
      const owner = await newAgent(app);
      const [one] = await list(owner.agentId);
      const other = await withNewKey(owner);
      const answers = await Promise.all([revoke(other, one.keyId), revoke(owner, other.keyId)]);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      const active = (await list(owner.agentId)).filter((key: { revokedAt: unknown }) => key.revokedAt === null);
      expect(active).toHaveLength(1);
    }
  });

  it('refuses a known key, another spelling of it, and a revoked one', async () => {
    const agent = await newAgent(app);
    const bare = agent.publicKey.replace('ed25519:', '');
    const second = await withNewKey(agent);
    await revoke(agent, second.keyId);
    for (const publicKey of [agent.publicKey, bare, second.publicKey]) {
      const answer = await add(agent, publicKey);
      expect([answer.status, answer.json.error.code]).toEqual([409, 'KEY_EXISTS']);
    }
  });

  it('refuses bad keys, unknown keys, foreign agents and foreign bodies', async () => {
    const agent = await newAgent(app);
    const other = await newAgent(app);
    const code = (answer: { json: { error: { code: string } }; status: number }) => [
      answer.status,
      answer.json.error.code,
    ];
    expect(code(await add(agent, 'ed25519:junk'))).toEqual([400, 'INVALID_PUBLIC_KEY']);
    expect(code(await revoke(agent, randomUUID()))).toEqual([404, 'KEY_NOT_FOUND']);
    const [foreign] = await list(other.agentId);
    expect(code(await revoke(agent, foreign.keyId))).toEqual([404, 'KEY_NOT_FOUND']);
    const path = `/v1/agents/${other.agentId}/keys`;
    const body = { agentId: other.agentId, publicKey: generateKey().publicKey };
    expect(code(await signedRequest(app, agent, 'POST', path, { action: 'key_add', body }))).toEqual([
      403,
      'ACCESS_DENIED',
    ]);
    const mismatched = { ...body, agentId: agent.agentId };
    expect(code(await signedRequest(app, agent, 'POST', path, { action: 'key_add', body: mismatched }))).toEqual([
      400,
      'VALIDATION_ERROR',
    ]);
    expect(code(await send(app.url, path, { method: 'POST' }))).toEqual([401, 'INVALID_SIGNATURE']);
    await app.ctx.db.orm.update(agents).set({ suspended: true }).where(eq(agents.agentId, other.agentId));
    expect(code(await add(other, generateKey().publicKey))).toEqual([403, 'SUSPENDED_AGENT']);
  });

  it('takes the flat, header and query forms, and answers a repeat from the store', async () => {
    const agent = await newAgent(app);
    const added = await add(agent, generateKey().publicKey, 'flat');
    expect(added.status).toBe(201);
    expect((await add(agent, generateKey().publicKey, 'headers')).status).toBe(201);
    const nonce = randomUUID();
    const gone = await revoke(agent, added.json.data.keyId, { form: 'query', nonce });
    expect(gone.status).toBe(200);
    const again = await revoke(agent, added.json.data.keyId, { form: 'query', nonce });
    expect(again.json.data).toEqual(gone.json.data);
    expect(again.headers['idempotency-replayed']).toBe('true');
  });

  it(`stops at ${MAX_ACTIVE_KEYS} active keys`, async () => {
    const agent = await newAgent(app);
    for (let count = 1; count < MAX_ACTIVE_KEYS; count += 1) {
      expect((await add(agent, generateKey().publicKey)).status).toBe(201);
    }
    const answer = await add(agent, generateKey().publicKey);
    expect([answer.status, answer.json.error.code]).toEqual([409, 'CONFLICT']);
  });
});
