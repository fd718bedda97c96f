import { createHash, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newAgent, signedRequest, startTestApp } from '../../../../test/support/http.js';
import { code, JsonPusher, MAIN, ZERO } from '../../../../test/support/json-push.js';
import { receivePackAnswer } from './schemas.js';

let pusher: JsonPusher;
beforeAll(async () => {
  pusher = await JsonPusher.start();
});
afterAll(() => pusher.stop());
beforeEach(() => pusher.newRepository());

describe('a push as JSON', () => {
  it('is what a plain git clone gets, and is recorded like any push', async () => {
    const first = await pusher.commit('one\n');
    await pusher.commit('two\n');
    await pusher.git('tag', '-a', '-m', 'release', 'v1');
    const [head, tag] = [await pusher.git('rev-parse', 'HEAD'), await pusher.git('rev-parse', 'v1')];
    const updates = [
      { refName: MAIN, oldOid: ZERO, newOid: head },
      { refName: 'refs/heads/old', oldOid: ZERO, newOid: first },
      { refName: 'refs/tags/v1', oldOid: ZERO, newOid: tag },
    ];
    const pack = await pusher.packOf('HEAD', 'v1');
    const answer = await pusher.push(pack, updates);
    expect(answer.status, answer.text).toBe(200);
    expect(receivePackAnswer.parse(answer.json)).toEqual(answer.json);
    expect(answer.json).toEqual({
      status: 'ok',
      refUpdates: updates.map(({ refName }) => ({ refName, status: 'ok' })),
    });
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['idempotency-replayed']).toBeUndefined();
    const copy = await pusher.clone('--mirror');
    expect(await pusher.sandbox.refs(copy)).toEqual(
      (await pusher.sandbox.refs(pusher.work)).set('refs/heads/old', first),
    );
    const packfileHash = createHash('sha256').update(pack).digest('hex');
    const [row, ...others] = await pusher.audit('push');
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      agent_id: pusher.owner.agentId,
      data: { repo_id: pusher.repo.repoId, packfile_hash: packfileHash, force_push: false },
    });
    expect(JSON.parse(row?.envelope ?? '{}').body.packfileHash).toBe(packfileHash);
    const topics = await pusher.app.ctx.db
      .sql`SELECT topic FROM event_outbox WHERE audit_event_id = ${row?.event_id ?? ''}`;
    expect(topics.map(({ topic }) => topic)).toEqual(expect.arrayContaining(['webhook', 'analytics']));
  });

  const COMBINATIONS = ['push', 'git-receive-pack', 'git_push'].flatMap((action) =>
    (
      [
        ['', false],
        ['', true],
        ['sha256:', false],
        ['sha256:', true],
      ] as const
    ).map(([prefix, withRepo]) => [action, prefix, withRepo] as const),
  );
  it.each(COMBINATIONS)(
    'may be signed as %s with the hash prefix "%s", repository named: %s',
    async (action, prefix, withRepo) => {
      const newOid = await pusher.commit('signed\n');
      const answer = await pusher.push(await pusher.packOf('HEAD'), [{ refName: MAIN, oldOid: ZERO, newOid }], {
        action,
        prefix,
        withRepo,
      });
      expect(answer.status, answer.text).toBe(200);
      expect((await pusher.refs()).get(MAIN)).toBe(newOid);
    },
  );

  it.each(['flat', 'headers', 'nested'] as const)('may come in the form %s', async (form) => {
    const newOid = await pusher.commit('form\n');
    const answer = await pusher.push(await pusher.packOf('HEAD'), [{ refName: MAIN, oldOid: ZERO, newOid }], { form });
    expect(answer.status, answer.text).toBe(200);
  });

  it('works under every address of the repository, P-256 keys, zipped and in chunks', async () => {
    const agent = await newAgent(pusher.app, { type: 'ecdsa' });
    const body = { repoId: pusher.repo.repoId, targetAgentId: agent.agentId, role: 'write' };
    await signedRequest(pusher.app, pusher.owner, 'POST', `/v1/repos/${pusher.repo.repoId}/access`, {
      action: 'access_grant',
      body,
    });
    const base = `/v1/repos/${pusher.repo.repoId}`;
    const named = `/${pusher.owner.agentName}/${pusher.repo.name}`;
    let oldOid = ZERO;
    for (const path of [base, `${base}.git`, `${base}/clone`, `${named}.git`, named]) {
      const newOid = await pusher.commit(`${path}\n`);
      const pack = await pusher.packOf(newOid, ...(oldOid === ZERO ? [] : [`^${oldOid}`]));
      const encode = (whole: object) => ({
        body: gzipSync(JSON.stringify(whole)),
        headers: { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' },
      });
      const answer = await pusher.push(pack, [{ refName: MAIN, oldOid, newOid }], {
        agent,
        path,
        encode,
        withRepo: true,
      });
      expect(answer.status, answer.text).toBe(200);
      oldOid = newOid;
    }
    expect((await pusher.refs()).get(MAIN)).toBe(oldOid);
  });

  it('completes thin packs and deletes refs without any pack', async () => {
    const text = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join('');
    const first = await pusher.commit(text);
    await pusher.push(await pusher.packOf('HEAD'), [
      { refName: MAIN, oldOid: ZERO, newOid: first },
      { refName: 'refs/heads/gone', oldOid: ZERO, newOid: first },
    ]);
    const second = await pusher.commit(`${text}one more\n`);
    const thin = await pusher.packOf(second, `^${first}`);
    await expect(
      pusher.sandbox.git(['index-pack', '--stdin'], { cwd: pusher.sandbox.path(), input: thin }),
    ).rejects.toThrow();
    expect((await pusher.push(thin, [{ refName: MAIN, oldOid: first, newOid: second }])).status).toBe(200);
    const gone = { refName: 'refs/heads/gone', oldOid: first, newOid: ZERO };
    expect((await pusher.push(null, [gone])).status).toBe(200);
    expect(Object.fromEntries(await pusher.refs())).toEqual({ HEAD: second, [MAIN]: second });
    await pusher.clone();
  });

  it('may carry a pack far above the limit of other JSON', async () => {
    const bytes = Buffer.alloc(6 * 1024 * 1024);
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE((Math.imul(i, 2654435761) ^ (i >>> 3)) >>> 0, i);
    writeFileSync(join(pusher.work, 'big.bin'), bytes);
    const newOid = await pusher.commit('big\n');
    const pack = await pusher.packOf('HEAD');
    expect(pack.length).toBeGreaterThan(2 * 1024 * 1024);
    expect((await pusher.push(pack, [{ refName: MAIN, oldOid: ZERO, newOid }])).status).toBe(200);
    expect((await pusher.refs()).get(MAIN)).toBe(newOid);
  });
});

describe('one nonce, one effect', () => {
  it('answers repeats from the store, however late, and refuses other pushes', async () => {
    const newOid = await pusher.commit('once\n');
    const pack = await pusher.packOf('HEAD');
    const update = { refName: MAIN, oldOid: ZERO, newOid };
    const signing = { nonce: randomUUID(), timestamp: `${new Date().toISOString().slice(0, 19)}Z` };
    const answers = await Promise.all(Array.from({ length: 6 }, () => pusher.push(pack, [update], signing)));
    for (const answer of answers) {
      expect([answer.status, answer.json]).toEqual([
        200,
        { status: 'ok', refUpdates: [{ refName: MAIN, status: 'ok' }] },
      ]);
    }
    const again = await pusher.push(pack, [update], signing);
    expect([again.status, again.json, again.headers['idempotency-replayed']]).toEqual([200, answers[0]?.json, 'true']);
    const replayed = answers.filter((answer) => answer.headers['idempotency-replayed'] === 'true');
    expect(replayed).toHaveLength(5);
    expect(await pusher.audit('push')).toHaveLength(1);
    const events = await pusher.app.ctx.db.sql`SELECT nonce FROM push_events WHERE repo_id = ${pusher.repo.repoId}`;
    expect(events).toMatchObject([{ nonce: signing.nonce }]);
    const other = { refName: 'refs/heads/other', oldOid: ZERO, newOid };
    expect(code(await pusher.push(pack, [other], signing))).toEqual([401, 'REPLAY_ATTACK']);
    expect(code(await pusher.push(pack, [{ ...update, force: true }], signing))).toEqual([401, 'REPLAY_ATTACK']);
    expect(code(await pusher.push(pack, [update], { ...signing, action: 'git_push' }))).toEqual([401, 'REPLAY_ATTACK']);
    expect((await pusher.refs()).has('refs/heads/other')).toBe(false);
  });

  it('answers a repeat whose signature has expired meanwhile, and no first try', async () => {
    const newOid = await pusher.commit('late\n');
    const pack = await pusher.packOf('HEAD');
    const timestamp = `${new Date(Date.now() - 60_000).toISOString().slice(0, 19)}Z`;
    const signing = { nonce: randomUUID(), timestamp };
    const update = { refName: MAIN, oldOid: ZERO, newOid };
    const { objects, engine, spool, packCache, db } = pusher.app.ctx;
    const strict = await startTestApp({ objects, engine, spool, packCache, db }, { SIGNATURE_EXPIRY_SECS: '10' });
    const there = { ...signing, url: strict.url };
    expect(code(await pusher.push(pack, [update], there))).toEqual([401, 'SIGNATURE_EXPIRED']);
    expect((await pusher.push(pack, [update], signing)).status).toBe(200);
    const late = await pusher.push(pack, [update], there);
    await strict.close();
    expect([late.status, late.headers['idempotency-replayed']]).toEqual([200, 'true']);
    expect(await pusher.audit('push')).toHaveLength(1);
  });

  it('leaves the nonce free when the push was refused', async () => {
    const newOid = await pusher.commit('retry\n');
    const pack = await pusher.packOf('HEAD');
    const nonce = randomUUID();
    const wrong = { refName: MAIN, oldOid: newOid, newOid };
    expect(code(await pusher.push(pack, [wrong], { nonce }))).toEqual([404, 'REF_NOT_FOUND']);
    expect((await pusher.push(pack, [{ refName: MAIN, oldOid: ZERO, newOid }], { nonce })).status).toBe(200);
  });
});
