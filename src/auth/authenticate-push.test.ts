import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authContext,
  createAgent,
  rawRequest,
  signHeaders,
  signNested,
  type TestAgent,
} from '../../test/support/auth.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { authenticatePush } from './index.js';

let database: TestDatabase;
let agent: TestAgent;
beforeAll(async () => {
  database = await createTestDatabase();
  agent = await createAgent(database.db);
});
afterAll(() => database.drop());

const repoId = randomUUID();
const refUpdates = [{ refName: 'refs/heads/main', oldOid: '0'.repeat(40), newOid: 'a'.repeat(40), force: false }];
const push = { repoId, packfileHash: 'b'.repeat(64), refUpdates };
const short = { packfileHash: push.packfileHash, refUpdates };

function nested(body: object, env: Record<string, string> = {}, uploadMs = 0, offsetSecs = 0) {
  const json = signNested(agent, { action: 'push', body: body as never, offsetSecs });
  const request = rawRequest('POST', `/v1/repos/${repoId}/git-receive-pack`, { json });
  return authenticatePush(authContext(database.db, env), request, push, uploadMs);
}

describe('authenticatePush', () => {
  it('takes any signed body that says this push, as it was sent', async () => {
    const prefixed = { ...short, packfileHash: `sha256:${push.packfileHash}` };
    const unforced = { ...short, refUpdates: refUpdates.map(({ force: _, ...rest }) => rest) };
    for (const body of [short, push, unforced, prefixed, { ...prefixed, repoId }, { ...short, note: 'x' }]) {
      const { principal, proof } = await nested(body);
      expect([principal.agentId, JSON.parse(proof.canonical).body]).toEqual([agent.agentId, body]);
    }
  });

  it('refuses a signature over another pack, other updates or another repository', async () => {
    const others = [
      { ...short, packfileHash: 'c'.repeat(64) },
      { ...short, packfileHash: 7 },
      { ...short, refUpdates: [] },
      { ...short, refUpdates: [{ ...refUpdates[0], force: true }] },
      { ...short, refUpdates: [null] },
      { refUpdates },
    ];
    for (const body of others) await expect(nested(body)).rejects.toMatchObject({ code: 'INVALID_SIGNATURE' });
    const elsewhere = nested({ ...push, repoId: randomUUID() });
    await expect(elsewhere).rejects.toMatchObject({ code: 'VALIDATION_ERROR', details: { field: 'repoId' } });
    const headers = signHeaders(agent, { action: 'push', body: { ...short, refUpdates: [] } });
    const request = rawRequest('POST', '/x', { headers, json: {} });
    const work = authenticatePush(authContext(database.db), request, push, 0);
    await expect(work).rejects.toMatchObject({ code: 'INVALID_SIGNATURE' });
  });

  it('wants the repository in the signature where strict binding is on', async () => {
    const strict = { GITCLAW_STRICT_BINDING: 'true' };
    await expect(nested(push, strict)).resolves.toMatchObject({ proof: { action: 'push' } });
    await expect(nested(short, strict)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { field: 'repoId' },
    });
    const headers = signHeaders(agent, { action: 'push', body: short });
    const request = rawRequest('POST', '/x', { headers, json: {} });
    const work = authenticatePush(authContext(database.db, strict), request, push, 0);
    await expect(work).rejects.toMatchObject({ code: 'INVALID_SIGNATURE' });
  });

  it('judges the time at which the request began to arrive', async () => {
    await expect(nested(push, {}, 0, -320)).rejects.toMatchObject({ code: 'SIGNATURE_EXPIRED' });
    await expect(nested(push, {}, 60_000, -320)).resolves.toMatchObject({ proof: { replayOnly: false } });
    await expect(nested(push, {}, 0, 40)).rejects.toMatchObject({ details: { reason: 'timestamp_in_future' } });
  });

  it('gives two pushes one fingerprint only when all that was signed is the same', async () => {
    const fingerprints = await Promise.all([push, push, short].map(async (body) => (await nested(body)).fingerprint));
    expect(fingerprints[0]).toBe(fingerprints[1]);
    expect(fingerprints[0]).not.toBe(fingerprints[2]);
  });
});
