import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { addOwner, addRepository } from '../../test/support/rows.js';
import { ZERO_OID } from '../git/oid.js';
import { type Mover, updateRefs } from './index.js';

const [A, B] = ['a'.repeat(40), 'b'.repeat(40)];
let test: TestDatabase;
let repoId: string;
beforeAll(async () => {
  test = await createTestDatabase();
  await addOwner(test.db);
});
afterAll(() => test.drop());
beforeEach(async () => {
  repoId = await addRepository(test.db);
  await move([
    ['main', ZERO_OID, A],
    ['side', ZERO_OID, A],
  ]);
});

const push: Mover = { kind: 'push', certified: false };
const move = async (
  changes: [branch: string, from: string, to: string][],
  { by = push as Mover, atomic = false, forced = [] as string[] } = {},
) => {
  const updates = changes.map(([branch, oldOid, newOid]) => ({
    refName: `refs/heads/${branch}`,
    oldOid,
    newOid,
    peeled: undefined,
  }));
  const names = new Set(forced.map((branch) => `refs/heads/${branch}`));
  return (await test.db.transaction((tx) => updateRefs(tx, repoId, updates, { atomic, forced: names, by }))).verdicts;
};
const protect = (pattern: string, approvals = 0) =>
  test.db
    .sql`INSERT INTO branch_protections (repo_id, pattern, required_approvals) VALUES (${repoId}, ${pattern}, ${approvals})`;

describe('updateRefs', () => {
  it('names the rule that refused, and lets the others through unless atomic', async () => {
    await protect('main');
    const verdicts = await move(
      [
        ['main', A, B],
        ['side', A, B],
      ],
      { forced: ['main', 'side'] },
    );
    expect(verdicts).toEqual([
      {
        refName: 'refs/heads/main',
        ok: false,
        rule: 'main',
        code: 'ACCESS_DENIED',
        reason: expect.stringMatching(/^protected branch: force/),
      },
      { refName: 'refs/heads/side', ok: true },
    ]);
    const atomic = await move(
      [
        ['main', A, B],
        ['side', B, A],
      ],
      { forced: ['main'], atomic: true },
    );
    expect(atomic.map((verdict) => verdict.ok)).toEqual([false, false]);
    expect(atomic[1]).toMatchObject({ reason: 'atomic push failed' });
  });

  it('tells of a stale value before it tells of a rule', async () => {
    await protect('main', 1);
    expect(await move([['main', B, A]])).toMatchObject([{ ok: false, reason: expect.stringContaining('fetch first') }]);
  });

  it('lets a merge with enough approvals move what no push may', async () => {
    await protect('main', 2);
    expect(await move([['main', A, B]])).toMatchObject([{ ok: false, rule: 'main' }]);
    const merge = (approvals: number): Mover => ({ kind: 'merge', approvals, ciPassed: true });
    expect(await move([['main', A, B]], { by: merge(1) })).toMatchObject([{ ok: false, rule: 'main' }]);
    expect(await move([['main', A, B]], { by: merge(2) })).toEqual([{ refName: 'refs/heads/main', ok: true }]);
  });

  it('keeps the default branch of the moment, except from the server itself', async () => {
    await test.db.sql`UPDATE repositories SET default_branch = 'side' WHERE repo_id = ${repoId}`;
    expect(
      await move([
        ['side', A, ZERO_OID],
        ['main', A, ZERO_OID],
      ]),
    ).toMatchObject([{ ok: false, reason: 'deletion of the default branch is prohibited' }, { ok: true }]);
    expect(await move([['side', A, ZERO_OID]], { by: { kind: 'server' } })).toMatchObject([{ ok: true }]);
  });

  it('refuses a repository that is gone', async () => {
    await test.db.sql`DELETE FROM repositories WHERE repo_id = ${repoId}`;
    await expect(move([['main', A, B]])).rejects.toMatchObject({ code: 'REPO_NOT_FOUND' });
    await expect(move([['new', ZERO_OID, B]])).rejects.toMatchObject({ code: 'REPO_NOT_FOUND' });
  });

  it('and a deletion wait for each other and never deadlock', async () => {
    for (let round = 0; round < 10; round++) {
      repoId = await addRepository(test.db);
      await move([
        ['main', ZERO_OID, A],
        ['side', ZERO_OID, A],
      ]);
      const pushes = [
        move([['side', A, B]]),
        move([
          ['main', A, B],
          ['x', ZERO_OID, A],
        ]),
        move([['y', ZERO_OID, A]]),
      ].map((work) => work.then(() => 'moved').catch((error: { code: string }) => error.code));
      const deletion = test.db.transaction(async (tx) => {
        await tx.sql`SELECT 1 FROM repositories WHERE repo_id = ${repoId} FOR UPDATE`;
        await tx.sql`DELETE FROM repositories WHERE repo_id = ${repoId}`;
      });
      await deletion;
      for (const outcome of await Promise.all(pushes)) expect(['moved', 'REPO_NOT_FOUND']).toContain(outcome);
    }
  });
});
