import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { authContext, createAgent, signHeaders, signToken, type TestAgent } from '../../test/support/auth.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { AppContext } from '../context.js';
import { authenticateGit, type GitProof, type GitTarget, rememberWrite, storedWrite } from './index.js';

let database: TestDatabase;
let ctx: AppContext;
let agent: TestAgent;
let proof: GitProof;

const repoId = randomUUID();
const target: GitTarget = { repoId, service: 'git-receive-pack', isReceivePost: true };
const write = (fingerprint: string, report: string) => ({ repoId, fingerprint, report });
const remember = (fingerprint: string, report: string, pauseMs = 0) =>
  database.db.transaction(async (tx) => {
    const earlier = await rememberWrite(tx, proof, write(fingerprint, report));
    await tx.sql`SELECT pg_sleep(${pauseMs / 1000})`;
    return earlier;
  });

beforeAll(async () => {
  database = await createTestDatabase();
  ctx = authContext(database.db);
});
beforeEach(async () => {
  agent = await createAgent(database.db);
  const token = signToken(agent, { repoId, service: 'git-receive-pack' });
  const found = await authenticateGit(ctx, { authorization: `GitClaw ${token}` }, target);
  if (found.kind !== 'token') throw new Error('expected a token');
  proof = found.proof;
});
afterAll(() => database.drop());

describe('a write credential', () => {
  it('commits once; the same commands get the stored report, others are refused', async () => {
    expect(await storedWrite(ctx, proof, 'a')).toBeUndefined();
    expect(await remember('a', 'first')).toBeUndefined();
    expect(await storedWrite(ctx, proof, 'a')).toBe('first');
    await expect(storedWrite(ctx, proof, 'b')).rejects.toMatchObject({ code: 'REPLAY_ATTACK' });
    expect(await remember('a', 'second')).toBe('first');
    await expect(remember('b', 'second')).rejects.toMatchObject({ code: 'REPLAY_ATTACK' });
  });

  it('is free again when the transaction rolls back', async () => {
    const attempt = database.db.transaction(async (tx) => {
      await rememberWrite(tx, proof, write('a', 'lost'));
      throw new Error('roll back');
    });
    await expect(attempt).rejects.toThrow('roll back');
    expect(await remember('b', 'kept')).toBeUndefined();
  });

  it('lets one of many parallel pushes through', async () => {
    const same = await Promise.all(Array.from({ length: 20 }, (_, at) => remember('a', `report ${at}`, 100)));
    expect(same.filter((report) => report === undefined)).toHaveLength(1);
    expect(new Set(same.filter((report) => report !== undefined)).size).toBe(1);
  });

  it.each([
    ['suspended', 'SUSPENDED_AGENT'],
    ['revoked', 'INVALID_SIGNATURE'],
  ])('is refused in the transaction when %s meanwhile', async (change, code) => {
    if (change === 'suspended')
      await database.db.sql`UPDATE agents SET suspended = true WHERE agent_id = ${agent.agentId}`;
    else await database.db.sql`UPDATE agent_keys SET revoked_at = now() WHERE key_id = ${agent.keyId}`;
    await expect(remember('a', 'x')).rejects.toMatchObject({ code });
  });

  it('as a signature over the push answers a late retry, but does not push late', async () => {
    const nonce = randomUUID();
    const body = { repoId, packfileHash: '0'.repeat(64), refUpdates: [] };
    const sign = async (offsetSecs: number) => {
      const headers = signHeaders(agent, { action: 'git-receive-pack', body, nonce, offsetSecs });
      const found = await authenticateGit(ctx, headers, target);
      if (found.kind !== 'deferred') throw new Error('expected deferred');
      return found.verify(body);
    };
    proof = await sign(0);
    await remember('a', 'first');
    proof = await sign(-7200);
    expect(proof.replayOnly).toBe(true);
    expect(await storedWrite(ctx, proof, 'a')).toBe('first');
    await database.db.sql`UPDATE idempotency_results SET expires_at = now() WHERE nonce_hash = ${proof.nonceHash}`;
    await expect(remember('a', 'late')).rejects.toMatchObject({ code: 'SIGNATURE_EXPIRED' });
    await expect(sign(-7200)).rejects.toMatchObject({ code: 'SIGNATURE_EXPIRED' });
  });

  it('cannot be used for an API call of the same nonce, nor the other way round', async () => {
    await remember('a', 'first');
    const clash = { ...proof, action: 'star' };
    await expect(storedWrite(ctx, clash, 'a')).rejects.toMatchObject({
      code: 'REPLAY_ATTACK',
      details: { previousAction: 'git_auth', attemptedAction: 'star' },
    });
  });
});
