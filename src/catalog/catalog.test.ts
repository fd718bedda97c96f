import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { addOwner, addRepository } from '../../test/support/rows.js';
import type { AppContext } from '../context.js';
import { repositories } from '../db/index.js';
import { encodeSegment } from '../git/graph/index.js';
import {
  claimRemoval,
  claimUnpack,
  condemnPrefix,
  deleteStagedPack,
  finishRemoval,
  followSnapshot,
  handOver,
  insertPack,
  knownSnapshot,
  loadSnapshot,
  lockAbandonedPacks,
  nextSharedPack,
  releaseRemoval,
  sharePacks,
  stagePack,
} from './index.js';

let test: TestDatabase;
let ctx: AppContext;
beforeAll(async () => {
  test = await createTestDatabase();
  ctx = { db: test.db } as AppContext;
  await addOwner(test.db);
});
afterAll(() => test.drop());

const newRepo = () => addRepository(test.db);
const hashOf = (letter: string) => letter.repeat(40);
const addPack = (repoId: string, letter: string) =>
  test.db.transaction((tx) =>
    insertPack(tx, repoId, {
      hash: hashOf(letter),
      bytes: 1,
      objects: 1,
      tight: true,
      tips: Buffer.alloc(0),
      segment: encodeSegment([], []),
      unpacked: true,
    }),
  );
const addPackRow = async (repoId: string, letter: string) => {
  const seq = await addPack(repoId, letter);
  const row = { hash: hashOf(letter), bytes: 1, objects: 1, tight: true, tips: Buffer.alloc(0) };
  return seq === undefined
    ? undefined
    : { ...row, segment: encodeSegment([], []), seq, firstSeq: seq, storedIn: repoId };
};
const fork = async (sourceId: string) => {
  const repoId = await newRepo();
  await test.db.transaction((tx) => sharePacks(tx, sourceId, repoId));
  return repoId;
};
const remove = (repoId: string) =>
  test.db.transaction(async (tx) => {
    await condemnPrefix(tx, repoId);
    await tx.sql`DELETE FROM repositories WHERE repo_id = ${repoId}`;
  });
const places = async (repoId: string) =>
  (await loadSnapshot(ctx, repoId)).packs.map(({ hash, storedIn }) => [hash[0], storedIn]);
const drain = async () => {
  for (let due = await claimRemoval(test.db); due; due = await claimRemoval(test.db)) {
    await finishRemoval(test.db, due.repoId, due.step);
  }
};

describe('snapshots', () => {
  it('grow by new packs and are forgotten with their repository', async () => {
    const repoId = await newRepo();
    expect(await places(repoId)).toEqual([]);
    await addPack(repoId, 'a');
    await addPack(repoId, 'b');
    const before = await loadSnapshot(ctx, repoId);
    expect(await loadSnapshot(ctx, repoId)).toBe(before);
    await remove(repoId);
    expect(await places(repoId)).toEqual([]);
    await drain();
  });

  it('are known for the versions that they were read with, unless another repository holds packs', async () => {
    const repoId = await newRepo();
    await addPack(repoId, 'a');
    const versions = { repoId, refsVersion: 0, packsVersion: 0, collectedVersion: 0 };
    expect(knownSnapshot(ctx, versions)).toBeUndefined();
    const loaded = await loadSnapshot(ctx, repoId);
    expect(knownSnapshot(ctx, versions)).toBe(loaded);
    for (const name of ['refsVersion', 'packsVersion', 'collectedVersion'] as const) {
      expect(knownSnapshot(ctx, { ...versions, [name]: 1 })).toBeUndefined();
    }
    await test.db.sql`UPDATE repositories SET refs_version = 1 WHERE repo_id = ${repoId}`;
    expect(await loadSnapshot(ctx, repoId)).toBe(loaded);
    expect(knownSnapshot(ctx, versions)).toBeUndefined();
    expect(knownSnapshot(ctx, { ...versions, refsVersion: 1 })).toBe(loaded);
    const child = await fork(repoId);
    await loadSnapshot(ctx, child);
    expect(knownSnapshot(ctx, { ...versions, repoId: child })).toBeUndefined();
  });

  it('follow the packs that their node makes visible', async () => {
    const repoId = await newRepo();
    await addPack(repoId, 'a');
    await loadSnapshot(ctx, repoId);
    const made = { repoId, refsVersion: 0, packsVersion: 0, collectedVersion: 0 };
    const bump = async () => {
      await test.db.sql`UPDATE repositories SET refs_version = refs_version + 1 WHERE repo_id = ${repoId}`;
      made.refsVersion += 1;
    };
    for (const letter of ['b', undefined, 'c', 'b']) {
      const row = letter === undefined ? undefined : await addPackRow(repoId, letter);
      expect(row === undefined).toBe(letter === undefined || made.refsVersion === 3);
      await bump();
      followSnapshot(ctx, { ...made }, row);
      expect(knownSnapshot(ctx, made)).toMatchObject(await loadSnapshot({ db: test.db } as AppContext, repoId));
    }
    // Of another node it hears nothing, nor that packs were merged.
    await addPack(repoId, 'd');
    await bump();
    await bump();
    followSnapshot(ctx, { ...made }, undefined);
    expect(knownSnapshot(ctx, made)).toBeUndefined();
    await loadSnapshot(ctx, repoId);
    await bump();
    made.packsVersion = 1;
    followSnapshot(ctx, { ...made }, undefined);
    expect(knownSnapshot(ctx, made)).toBeUndefined();
  });

  it('of forks follow packs to where they are now', async () => {
    const source = await newRepo();
    for (const letter of ['c', 'a', 'b']) await addPack(source, letter);
    const first = await fork(source);
    await addPack(first, 'd');
    const second = await fork(first);
    const shared = (holder: string) => ['c', 'a', 'b'].map((letter) => [letter, holder]);
    expect(await places(second)).toEqual([...shared(source), ['d', first]]);
    const cached = await loadSnapshot(ctx, second);
    expect(await loadSnapshot(ctx, second)).toBe(cached);

    await remove(source);
    expect(await places(second)).toEqual([...shared(source), ['d', first]]);
    for (let pack = await nextSharedPack(test.db, source); pack; pack = await nextSharedPack(test.db, source)) {
      const given = pack;
      expect(given.heirId).toBe(first);
      expect(await test.db.transaction((tx) => handOver(tx, source, given))).toBe(true);
    }
    expect(await places(first)).toEqual([...shared(first), ['d', first]]);
    expect(await places(second)).toEqual([...shared(first), ['d', first]]);
    // The heir's objects are to be stored loose at their new place, the other fork's are not.
    const tasks = [await claimUnpack(test.db), await claimUnpack(test.db), await claimUnpack(test.db)];
    expect(tasks.map((task) => task?.repoId)).toEqual([first, first, first]);
    expect(await claimUnpack(test.db)).toBeUndefined();
    await drain();
  });

  it('a hand-over to a fork that is gone changes nothing', async () => {
    const source = await newRepo();
    await addPack(source, 'e');
    const [first, second] = [await fork(source), await fork(source)];
    await remove(source);
    const pack = (await nextSharedPack(test.db, source))!;
    expect(pack.heirId).toBe(first);
    await remove(first);
    expect(await test.db.transaction((tx) => handOver(tx, source, pack))).toBe(false);
    expect(await nextSharedPack(test.db, source)).toEqual({ hash: hashOf('e'), heirId: second });
    await drain();
  });

  it('a fork made during a hand-over is seen by it or sees it', async () => {
    const source = await newRepo();
    await addPack(source, 'f');
    const first = await fork(source);
    await remove(source);
    const late = await newRepo();
    let openForked: () => void = () => {};
    const forked = new Promise<void>((resolve) => {
      openForked = resolve;
    });
    let goOn: () => void = () => {};
    const hold = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const forking = test.db.transaction(async (tx) => {
      await sharePacks(tx, first, late);
      openForked();
      await hold;
    });
    await forked;
    const pack = (await nextSharedPack(test.db, source))!;
    const handing = test.db.transaction((tx) => handOver(tx, source, pack));
    const first300ms = await Promise.race([handing.then(() => 'done'), sleep(300).then(() => 'waits')]);
    expect(first300ms).toBe('waits');
    goOn();
    await Promise.all([forking, handing]);
    for (let next = await nextSharedPack(test.db, source); next; next = await nextSharedPack(test.db, source)) {
      const given = next;
      await test.db.transaction((tx) => handOver(tx, source, given));
    }
    for (const [, holder] of [...(await places(first)), ...(await places(late))]) expect(holder).not.toBe(source);
    await drain();
  });
});

describe('notes of deletions', () => {
  const age = (repoId: string, hours: number) =>
    test.db
      .sql`UPDATE staged_packs SET started_at = now() - make_interval(hours => ${hours}) WHERE repo_id = ${repoId}`;

  it('are taken once, again after a failure, and a second time after a day', async () => {
    const repoId = await newRepo();
    await remove(repoId);
    const claims = await Promise.all([claimRemoval(test.db), claimRemoval(test.db)]);
    expect(claims.filter(Boolean)).toEqual([{ repoId, step: 'remove' }]);
    await releaseRemoval(test.db, repoId, 'remove', 0);
    expect(await claimRemoval(test.db)).toEqual({ repoId, step: 'remove' });
    await finishRemoval(test.db, repoId, 'remove');
    expect(await claimRemoval(test.db)).toBeUndefined();
    await age(repoId, 23);
    expect(await claimRemoval(test.db)).toBeUndefined();
    await age(repoId, 25);
    expect(await claimRemoval(test.db)).toEqual({ repoId, step: 'condemned' });
    await finishRemoval(test.db, repoId, 'condemned');
    expect(await test.db.sql`SELECT 1 FROM staged_packs WHERE repo_id = ${repoId}`).toHaveLength(0);
  });

  it('leave a repository alone that was made again of its storage', async () => {
    const repoId = await newRepo();
    await remove(repoId);
    await test.db.orm.insert(repositories).values({ repoId, ownerId: 'alice', name: repoId });
    expect(await claimRemoval(test.db)).toBeUndefined();
    await remove(repoId);
    expect(await claimRemoval(test.db)).toEqual({ repoId, step: 'remove' });
    await finishRemoval(test.db, repoId, 'remove');
  });

  it('are no abandoned packs, and files that a fork reads are not abandoned either', async () => {
    const source = await newRepo();
    await addPack(source, 'a');
    await fork(source);
    await stagePack(test.db, source, hashOf('a'));
    await stagePack(test.db, source, hashOf('b'));
    await remove(source);
    await age(source, 25);
    const found = await test.db.transaction(async (tx) => {
      const rows = (await lockAbandonedPacks(tx, 24)).filter(({ repoId }) => repoId === source);
      for (const { hash } of rows) await deleteStagedPack(tx, source, hash);
      return rows.map(({ hash, visible }) => [hash[0], visible]);
    });
    expect(found).toEqual([
      ['a', true],
      ['b', false],
    ]);
    expect(await claimRemoval(test.db)).toEqual({ repoId: source, step: 'take-over' });
  });
});
