import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { addOwner, addRepository } from '../../test/support/rows.js';
import type { AppContext } from '../context.js';
import { ZERO_OID } from '../git/oid.js';
import { followRefs, holdRefUpdates, knownRefs, listRefs, type RefUpdate, writeRefUpdates } from './index.js';

let test: TestDatabase;
let ctx: AppContext;
beforeAll(async () => {
  test = await createTestDatabase();
  ctx = { db: test.db } as AppContext;
  await addOwner(test.db);
});
afterAll(() => test.drop());

const newRepo = async () => {
  const repoId = await addRepository(test.db);
  await listRefs(ctx, repoId, 0);
  return repoId;
};

/** Another node, which has to read. */
const read = (repoId: string) => listRefs({ db: test.db } as AppContext, repoId, -1);

const write = async (repoId: string, updates: RefUpdate[]) => {
  const options = { atomic: false, forced: new Set<string>(), by: { kind: 'push', certified: false } } as const;
  const { accepted, version } = await test.db.transaction(async (tx) => {
    const held = await holdRefUpdates(tx, repoId, updates, options);
    const { versions } = await writeRefUpdates(tx, repoId, held);
    return { accepted: held.accepted, version: versions?.refsVersion ?? -1 };
  });
  return { accepted, version };
};

const oidOf = (n: number) => n.toString(16).padStart(40, '0');
const create = (refName: string, n = 1): RefUpdate => ({
  refName,
  oldOid: ZERO_OID,
  newOid: oidOf(n),
  peeled: undefined,
});

it('follows what transactions of its own made of the refs, in the order of the bytes', async () => {
  const repoId = await newRepo();
  // By UTF-16 code units the last two would change places.
  const letters = ['a', 'a-b', 'A', 'z', 'é', '\u{ff5e}', '\u{1f600}'];
  let next = 1;
  for (let round = 0; round < 120; round++) {
    const known = new Map((await read(repoId)).map((ref) => [ref.name, ref.oid]));
    const names = letters.filter(() => Math.random() < 0.4).map((letter) => `refs/tags/${letter}`);
    const updates = names.flatMap((refName): RefUpdate[] => {
      const oldOid = known.get(refName) ?? ZERO_OID;
      const newOid = oldOid !== ZERO_OID && Math.random() < 0.4 ? ZERO_OID : oidOf(next++);
      return [{ refName, oldOid, newOid, peeled: newOid !== ZERO_OID && round % 3 === 0 ? oidOf(next++) : undefined }];
    });
    // One that is refused changes nothing.
    updates.push({ refName: 'refs/tags/refused', oldOid: oidOf(1), newOid: oidOf(2), peeled: undefined });
    const { accepted, version } = await write(repoId, updates);
    followRefs(ctx, repoId, version, accepted);
    const followed = knownRefs(ctx, repoId, version);
    expect(followed).toEqual(await read(repoId));
    expect(await listRefs(ctx, repoId, version)).toBe(followed);
  }
  expect((await read(repoId)).length).toBeGreaterThan(0);
});

it('reads anew what it did not follow', async () => {
  const repoId = await newRepo();
  await write(repoId, [create('refs/heads/main')]);
  const { accepted, version } = await write(repoId, [create('refs/heads/other')]);
  followRefs(ctx, repoId, version, accepted);
  expect(knownRefs(ctx, repoId, version)).toBeUndefined();
  expect(await listRefs(ctx, repoId, version)).toEqual(await read(repoId));
});

it('has many new refs read back', async () => {
  const repoId = await newRepo();
  const many = Array.from({ length: 101 }, (_, i) => create(`refs/tags/${i}`));
  const first = await write(repoId, many);
  followRefs(ctx, repoId, first.version, first.accepted);
  expect(knownRefs(ctx, repoId, first.version)).toBeUndefined();
  expect(await listRefs(ctx, repoId, first.version)).toHaveLength(101);
});
