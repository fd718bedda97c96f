import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authContext } from '../../test/support/auth.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { openDatabase } from '../db/index.js';
import { authenticateGit, gitChallenges, isServerNonce, issueServerNonce, loadServerSecret } from './index.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const target = { repoId: 'r1', ownerName: 'o', name: 'n', service: 'git-receive-pack' } as const;

describe('gitChallenges', () => {
  it('offers GitClaw first, with a nonce any node can check, then Basic', async () => {
    const ctx = authContext(database.db);
    await authenticateGit(ctx, {}, { ...target, isReceivePost: false });
    const [first, second, ...more] = gitChallenges(ctx, target);
    expect(second).toBe('Basic realm="GitClaw"');
    expect(more).toEqual([]);
    const nonce = /^GitClaw realm="GitClaw", repo="o\/n", service="git-receive-pack", nonce="([^"]+)"$/.exec(
      first!,
    )?.[1];
    const otherNode = openDatabase({ url: database.url, maxConnections: 2 });
    expect(isServerNonce(await loadServerSecret(otherNode), 'o/n', nonce!, Date.now())).toBe(true);
    await otherNode.close();
  });

  it('lets nothing from the address into the header', () => {
    const [first] = gitChallenges(authContext(database.db), {
      ownerName: 'o',
      name: 'n"\r\nX: y',
      service: 'git-upload-pack',
    });
    expect(first).toMatch(/^GitClaw realm="GitClaw", service="git-upload-pack", nonce="[0-9a-f-]+"$/);
  });

  it('gives all nodes that start at once the same secret', async () => {
    const fresh = await createTestDatabase();
    const nodes = Array.from({ length: 5 }, () => openDatabase({ url: fresh.url, maxConnections: 2 }));
    const secrets = await Promise.all(nodes.map(loadServerSecret));
    expect(new Set(secrets.map((secret) => secret.toString('hex'))).size).toBe(1);
    expect(secrets[0]).toHaveLength(32);
    await Promise.all(nodes.map((node) => node.close()));
    await fresh.drop();
  });
});

describe('server nonces', () => {
  const secret = Buffer.alloc(32, 7);
  const now = Date.parse('2026-01-15T10:30:00Z');
  const nonce = issueServerNonce(secret, 'o/n', now);

  it('hold for ten minutes', () => {
    expect(isServerNonce(secret, 'o/n', nonce, now + 600_000)).toBe(true);
    expect(isServerNonce(secret, 'o/n', nonce, now + 601_000)).toBe(false);
  });

  it('are bound to repository, time and secret', () => {
    expect(isServerNonce(secret, 'o/m', nonce, now)).toBe(false);
    expect(isServerNonce(Buffer.alloc(32, 8), 'o/n', nonce, now)).toBe(false);
    expect(
      isServerNonce(
        secret,
        'o/n',
        nonce.replace(/^\d+/, (time) => String(Number(time) + 1)),
        now,
      ),
    ).toBe(false);
    for (const text of ['', '1', `${nonce}0`, 'x-y']) expect(isServerNonce(secret, 'o/n', text, now)).toBe(false);
  });
});
