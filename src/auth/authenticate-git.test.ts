import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AUDIENCE,
  addKey,
  authContext,
  basic,
  createAgent,
  signHeaders,
  signToken,
  type TestAgent,
} from '../../test/support/auth.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import type { AppContext } from '../context.js';
import { authenticateGit, type GitCredential, type GitService, type GitTarget, type PushBody } from './index.js';

let database: TestDatabase;
let ctx: AppContext;
let agent: TestAgent;
let other: TestAgent;
let suspended: TestAgent;
let revoked: TestAgent;

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  ctx = authContext(db);
  [agent, other, suspended, revoked] = await Promise.all([
    createAgent(db),
    createAgent(db, 'ecdsa'),
    createAgent(db),
    createAgent(db),
  ]);
  await db.sql`UPDATE agents SET suspended = true WHERE agent_id = ${suspended.agentId}`;
  await addKey(db, revoked.agentId);
  await db.sql`UPDATE agent_keys SET revoked_at = now() WHERE key_id = ${revoked.keyId}`;
});
afterAll(() => database.drop());

const repo = { repoId: randomUUID(), ownerName: 'owner', name: 'name' };
const read: GitTarget = { ...repo, service: 'git-upload-pack', isReceivePost: false };
const write: GitTarget = { ...repo, service: 'git-receive-pack', isReceivePost: true };
const failure = (code: string, details?: object) =>
  expect.objectContaining(details === undefined ? { code } : { code, details: expect.objectContaining(details) });

interface Signing {
  signer?: TestAgent;
  repoId?: string;
  service?: GitService;
  offsetSecs?: number;
}

/** The same claim in every carrier. */
const carriers = {
  basic: ({ signer = agent, ...rest }: Signing) => basic(signer.agentId, token({ signer, ...rest })),
  GitClaw: (signing: Signing) => ({ authorization: `GitClaw ${token(signing)}` }),
  'gitclaw in lower case': (signing: Signing) => ({ authorization: `gitclaw  ${token(signing)}` }),
  headers: ({ signer = agent, repoId = 'owner/name', service = 'git-upload-pack', offsetSecs = 0 }: Signing) =>
    signHeaders(signer, { action: 'git_auth', body: { repoId, service }, offsetSecs }),
};

function token({
  signer = agent,
  repoId = 'owner/name',
  service = 'git-upload-pack',
  offsetSecs = 0,
}: Signing): string {
  return signToken(signer, { repoId, service }, { offsetSecs });
}

describe.each(Object.entries(carriers))('%s', (_name, carry) => {
  const attempt = (signing: Signing, target = read) => authenticateGit(ctx, carry(signing), target);

  it.each(['git-upload-pack', 'git-receive-pack'] as const)('%s: who, and whether it may write', async (service) => {
    for (const signer of [agent, other]) {
      for (const repoId of ['owner/name', repo.repoId]) {
        const { agentId, agentName, keyId } = signer;
        for (const target of [read, write]) {
          const found = await attempt({ signer, repoId, service }, target);
          expect(found).toMatchObject({
            kind: 'token',
            principal: { agentId, agentName, keyId },
            mayWrite: service === 'git-receive-pack',
            proof: { agentId, action: 'git_auth', keyId, ttlHours: 24, replayOnly: false },
          });
        }
      }
    }
  });

  it('is good for any number of requests', async () => {
    const headers = carry({});
    for (let round = 0; round < 3; round++) expect((await authenticateGit(ctx, headers, read)).kind).toBe('token');
  });

  it('is refused when expired, from the future, for another repository, from suspended or unknown agents', async () => {
    await expect(attempt({ offsetSecs: -303 })).rejects.toEqual(
      failure('SIGNATURE_EXPIRED', { reason: 'timestamp_too_old' }),
    );
    await expect(attempt({ offsetSecs: 34 })).rejects.toEqual(
      failure('SIGNATURE_EXPIRED', { reason: 'timestamp_in_future' }),
    );
    await expect(attempt({ repoId: 'owner/other' })).rejects.toEqual(failure('INVALID_SIGNATURE'));
    await expect(attempt({ repoId: randomUUID() })).rejects.toEqual(failure('INVALID_SIGNATURE'));
    await expect(attempt({ signer: suspended })).rejects.toEqual(failure('SUSPENDED_AGENT'));
    await expect(attempt({ signer: revoked })).rejects.toEqual(failure('INVALID_SIGNATURE'));
    await expect(attempt({ signer: { ...agent, agentId: randomUUID() } })).rejects.toEqual(failure('AGENT_NOT_FOUND'));
    await expect(attempt({ signer: { ...agent, privateKey: other.privateKey } })).rejects.toEqual(
      failure('INVALID_SIGNATURE'),
    );
  });
});

describe('what identifies nobody', () => {
  it.each([
    ['nothing', {}, undefined],
    ['X-Agent-Id alone', { 'x-agent-id': 'someone' }, 'someone'],
    ['the documented helper', basic('someone', 'gitclaw-token'), 'someone'],
  ])('%s', async (_name, headers, claimedAgentId) => {
    const expected: GitCredential =
      claimedAgentId === undefined ? { kind: 'anonymous' } : { kind: 'anonymous', claimedAgentId };
    expect(await authenticateGit(ctx, headers, read)).toEqual(expected);
  });
});

describe('wrong credentials', () => {
  const good = () => token({});
  it.each([
    ['a password', () => basic(agent.agentId, 'hunter2'), 'INVALID_SIGNATURE'],
    ['an empty password', () => basic(agent.agentId, ''), 'INVALID_SIGNATURE'],
    ['a token under another user', () => basic(other.agentId, good()), 'INVALID_SIGNATURE'],
    ['a token under no user', () => basic('', good()), 'INVALID_SIGNATURE'],
    ['Bearer', () => ({ authorization: `Bearer ${good()}` }), 'INVALID_SIGNATURE'],
    ['GitClaw without a token', () => ({ authorization: 'GitClaw' }), 'INVALID_SIGNATURE'],
    ['a cut token', () => ({ authorization: `GitClaw ${good().slice(0, -4)}` }), 'INVALID_SIGNATURE'],
    ['Basic without a colon', () => ({ authorization: 'Basic AAAA' }), 'INVALID_SIGNATURE'],
    ['another server', () => tokenWith({ aud: 'evil.example' }), 'INVALID_SIGNATURE'],
    ['another port', () => tokenWith({ aud: '127.0.0.1:9999' }), 'INVALID_SIGNATURE'],
    ['no audience', () => tokenWith({ aud: null }), 'INVALID_SIGNATURE'],
    ['an unknown service', () => tokenWith({ service: 'git-upload-archive' }), 'INVALID_SIGNATURE'],
    ['an extra field', () => tokenWith({ more: 1 }), 'INVALID_SIGNATURE'],
    ['another action', () => tokenWith({}, { action: 'repo_list' }), 'INVALID_SIGNATURE'],
    ['a nonce that is none', () => tokenWith({}, { nonce: 'x' }), 'INVALID_SIGNATURE'],
    ['headers without a nonce', () => ({ ...carriers.headers({}), 'x-nonce': '' }), 'VALIDATION_ERROR'],
    ['headers without a time', () => ({ ...carriers.headers({}), 'x-timestamp': '' }), 'VALIDATION_ERROR'],
    [
      'headers that sign a push, on a read',
      () => signHeaders(agent, { action: 'git-receive-pack' }),
      'INVALID_SIGNATURE',
    ],
    [
      'a token and headers',
      () => ({ ...carriers.headers({}), authorization: `GitClaw ${good()}` }),
      'VALIDATION_ERROR',
    ],
    [
      'a token and another name',
      () => ({ 'x-agent-id': other.agentId, authorization: `GitClaw ${good()}` }),
      'VALIDATION_ERROR',
    ],
    [
      'two names',
      () => ({ 'x-agent-id': other.agentId, ...basic(agent.agentId, 'gitclaw-token') }),
      'VALIDATION_ERROR',
    ],
    [
      'headers and another name',
      () => ({ ...carriers.headers({}), ...basic(other.agentId, 'gitclaw-token') }),
      'VALIDATION_ERROR',
    ],
  ] as [string, () => Record<string, string>, string][])('%s', async (_name, headers, code) => {
    await expect(authenticateGit(ctx, headers(), read)).rejects.toEqual(failure(code));
  });

  function tokenWith(body: object, options: object = {}): Record<string, string> {
    const all = { repoId: 'owner/name', service: 'git-upload-pack', ...body };
    return { authorization: `GitClaw ${signToken(agent, all, options)}` };
  }

  it('agreeing names beside a proof are fine', async () => {
    const headers = { 'x-agent-id': agent.agentId, authorization: `GitClaw ${good()}` };
    expect((await authenticateGit(ctx, headers, read)).kind).toBe('token');
    const both = { ...carriers.headers({}), ...basic(agent.agentId, 'gitclaw-token') };
    expect((await authenticateGit(ctx, both, read)).kind).toBe('token');
  });
});

describe('four headers that sign the push itself', () => {
  const packfileHash = createHash('sha256').update('pack').digest('hex');
  const refUpdates = [{ refName: 'refs/heads/main', oldOid: '0'.repeat(40), newOid: '1'.repeat(40), force: false }];
  const body = { repoId: repo.repoId, packfileHash, refUpdates };

  async function deferred(signed: PushBody, options: object = {}) {
    const headers = signHeaders(agent, { action: 'git-receive-pack', body: { ...signed }, ...options });
    const found = await authenticateGit(ctx, headers, write);
    if (found.kind !== 'deferred') throw new Error(`expected deferred, got ${found.kind}`);
    return found;
  }

  it('are verified when the pack hash is known, in each documented spelling', async () => {
    for (const signed of [
      body,
      { ...body, packfileHash: `sha256:${packfileHash}` },
      { ...body, repoId: 'owner/name' },
    ]) {
      const found = await deferred(signed);
      expect(found.claimed.agentId).toBe(agent.agentId);
      const expected = { agentId: agent.agentId, keyId: agent.keyId, action: 'git-receive-pack', replayOnly: false };
      expect(await found.verify(body)).toMatchObject(expected);
      expect(await found.verify({ ...body, packfileHash: `sha256:${packfileHash}` })).toMatchObject(expected);
    }
  });

  it('are refused when anything differs', async () => {
    const found = await deferred(body);
    for (const change of [
      { packfileHash: createHash('sha256').update('other').digest('hex') },
      { refUpdates: [] },
      { refUpdates: [{ ...refUpdates[0]!, force: true }] },
      { refUpdates: [{ ...refUpdates[0]!, newOid: '2'.repeat(40) }] },
      { refUpdates: [...refUpdates, ...refUpdates] },
    ]) {
      await expect(found.verify({ ...body, ...change })).rejects.toEqual(failure('INVALID_SIGNATURE'));
    }
    const elsewhere = await deferred({ ...body, repoId: randomUUID() });
    await expect(elsewhere.verify(body)).rejects.toEqual(failure('INVALID_SIGNATURE'));
  });

  it('are refused before the pack is read when they are too old or the agent is blocked', async () => {
    await expect(deferred(body, { offsetSecs: -303 })).rejects.toEqual(failure('SIGNATURE_EXPIRED'));
    const blocked = signHeaders(suspended, { action: 'git-receive-pack', body });
    await expect(authenticateGit(ctx, blocked, write)).rejects.toEqual(failure('SUSPENDED_AGENT'));
  });

  it('X-Action decides when it is there', async () => {
    const headers = carriers.headers({ service: 'git-receive-pack' });
    expect((await authenticateGit(ctx, { ...headers, 'x-action': 'git_auth' }, write)).kind).toBe('token');
    expect((await authenticateGit(ctx, { ...headers, 'x-action': 'git-receive-pack' }, write)).kind).toBe('deferred');
    await expect(authenticateGit(ctx, { ...headers, 'x-action': 'star' }, write)).rejects.toEqual(
      failure('INVALID_SIGNATURE'),
    );
  });
});

it('tokens are made for the address the client dials', () => {
  expect(AUDIENCE).toBe(`${ctx.config.HOST}:${ctx.config.PORT}`);
});
