/** What a node knows of a repository after it took a push: nobody has to ask the database for it again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signedRequest } from '../../test/support/http.js';
import { JsonPusher, MAIN, type Update, ZERO } from '../../test/support/json-push.js';
import { knownSnapshot, loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { knownRefs, listRefs } from '../refs/index.js';
import { findRepositoryById } from '../repos/index.js';

let pusher: JsonPusher;
beforeAll(async () => {
  pusher = await JsonPusher.start();
});
afterAll(() => pusher.stop());

const look = async () => {
  const { ctx } = pusher.app;
  const other = { db: ctx.db } as AppContext;
  const { repoId } = pusher.repo;
  const repo = (await findRepositoryById(ctx.db, repoId))!;
  return {
    known: { refs: knownRefs(ctx, repoId, repo.refsVersion), snapshot: knownSnapshot(ctx, repo) },
    stored: { refs: await listRefs(other, repoId, -1), snapshot: await loadSnapshot(other, repoId) },
    listed: await listRefs(ctx, repoId, repo.refsVersion),
  };
};
const push = async (updates: Update[], ...revisions: string[]) => {
  const pack = revisions.length === 0 ? null : await pusher.packOf(...revisions);
  expect((await pusher.push(pack, updates)).status).toBe(200);
};

test('refs, packs and commits are those of the database', async () => {
  await pusher.newRepository();
  const first = await pusher.commit('first');
  await push([{ refName: MAIN, oldOid: ZERO, newOid: first }], first);
  // Nothing was known before the first one.
  await pusher.refs();
  let at = first;
  for (let i = 0; i < 4; i++) {
    const next = await pusher.commit(`next ${i}`);
    const tag = { refName: `refs/tags/t${i}`, oldOid: ZERO, newOid: next };
    await push([{ refName: MAIN, oldOid: at, newOid: next }, tag], next, `^${at}`);
    const { known, stored } = await look();
    expect(known.refs).toEqual(stored.refs);
    expect(known.snapshot).toEqual(stored.snapshot);
    expect(known.snapshot?.graph.has(next)).toBe(true);
    at = next;
  }
  const old = (await pusher.refs()).get('refs/tags/t2')!;
  await push([{ refName: 'refs/tags/t2', oldOid: old, newOid: ZERO }]);
  const { known, stored } = await look();
  expect(known).toEqual(stored);
  expect(known.refs?.map(({ name }) => name)).toEqual([MAIN, 'refs/tags/t0', 'refs/tags/t1', 'refs/tags/t3']);
});

test('also where pull requests moved along', async () => {
  await pusher.newRepository();
  const first = await pusher.commit('first');
  await push([{ refName: MAIN, oldOid: ZERO, newOid: first }], first);
  const fix = await pusher.commit('fix');
  await push([{ refName: 'refs/heads/fix', oldOid: ZERO, newOid: fix }], fix, `^${first}`);
  const body = { sourceBranch: 'fix', targetBranch: 'main', title: 'Fix' };
  await pusher.refs();
  const { app, owner, repo } = pusher;
  const path = `/v1/repos/${repo.repoId}/pulls`;
  const signed = { action: 'pr_create', body: { repoId: repo.repoId, ...body } };
  const answer = await signedRequest(app, owner, 'POST', path, signed);
  expect(answer.status).toBe(201);
  await pusher.refs();
  const better = await pusher.commit('better');
  await push([{ refName: 'refs/heads/fix', oldOid: fix, newOid: better }], better, `^${fix}`);
  const { listed, stored } = await look();
  expect(listed).toEqual(stored.refs);
  expect(listed.map(({ name, oid }) => [name, oid])).toContainEqual(['refs/pull/1/head', better]);
});
