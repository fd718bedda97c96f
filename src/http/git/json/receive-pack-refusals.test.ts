import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, newAgent, newRepository, send } from '../../../../test/support/http.js';
import { code, EMPTY_PACK, JsonPusher, MAIN, type Update, ZERO } from '../../../../test/support/json-push.js';

let pusher: JsonPusher;
beforeAll(async () => {
  pusher = await JsonPusher.start();
});
afterAll(() => pusher.stop());
beforeEach(() => pusher.newRepository());

describe('refusals', () => {
  let base: string;
  let side: string;
  beforeEach(async () => {
    base = await pusher.commit('base\n');
    const updates = [MAIN, 'refs/heads/side'].map((refName) => ({ refName, oldOid: ZERO, newOid: base }));
    expect((await pusher.push(await pusher.packOf('HEAD'), updates)).status).toBe(200);
    side = await pusher.commit('side\n');
  });
  const messages = (answer: Answer) => answer.json.error.details.refUpdates;

  it('are all or nothing, with a status per ref', async () => {
    const updates = [
      { refName: 'refs/heads/new', oldOid: ZERO, newOid: side },
      { refName: 'refs/heads/side', oldOid: side, newOid: side },
    ];
    const answer = await pusher.push(await pusher.packOf(side, `^${base}`), updates);
    expect(code(answer)).toEqual([409, 'CONFLICT']);
    expect(messages(answer)).toEqual([
      { refName: 'refs/heads/new', status: 'ok', message: 'atomic push failed' },
      { refName: 'refs/heads/side', status: 'error', message: expect.stringContaining('the ref is at') },
    ]);
    expect((await pusher.refs()).has('refs/heads/new')).toBe(false);
    expect(await pusher.audit('push')).toHaveLength(1);
  });

  it('want the force said for a rewrite', async () => {
    const rewritten = await pusher.commit('rewritten\n', '--amend', '--reset-author');
    await pusher.git('reset', '-q', '--hard', base);
    const other = await pusher.commit('amended base\n', '--amend');
    const pack = await pusher.packOf(rewritten, other);
    const update = { refName: MAIN, oldOid: base, newOid: other };
    const refused = await pusher.push(pack, [update]);
    expect(code(refused)).toEqual([409, 'NON_FAST_FORWARD']);
    expect(messages(refused)).toEqual([{ refName: MAIN, status: 'error', message: 'non-fast-forward' }]);
    expect((await pusher.refs()).get(MAIN)).toBe(base);
    const forced = await pusher.push(pack, [{ ...update, force: true }]);
    expect(forced.json).toEqual({
      status: 'ok',
      refUpdates: [{ refName: MAIN, status: 'ok', message: 'forced update' }],
    });
    expect((await pusher.refs()).get(MAIN)).toBe(other);
    const [, row] = await pusher.audit('push');
    expect(row?.data.force_push).toBe(true);
    const stale = { refName: MAIN, oldOid: base, newOid: rewritten };
    expect(code(await pusher.push(pack, [stale]))).toEqual([409, 'CONFLICT']);
    expect(code(await pusher.push(pack, [{ ...stale, oldOid: 'a'.repeat(40) }]))).toEqual([409, 'CONFLICT']);
    expect(code(await pusher.push(pack, [{ ...stale, oldOid: 'a'.repeat(40), force: true }]))).toEqual([
      409,
      'CONFLICT',
    ]);
    const unforced = { refName: 'refs/heads/side', oldOid: base, newOid: rewritten, force: true };
    const fine = await pusher.push(pack, [unforced]);
    expect(fine.json.refUpdates).toEqual([{ refName: 'refs/heads/side', status: 'ok' }]);
  });

  it.each<[string, number, string, () => Update]>([
    ['an existing ref that is created', 409, 'CONFLICT', () => ({ refName: MAIN, oldOid: ZERO, newOid: side })],
    ['a stale old value', 409, 'CONFLICT', () => ({ refName: MAIN, oldOid: side, newOid: side })],
    ['a file where a folder is', 409, 'CONFLICT', () => ({ refName: `${MAIN}/x`, oldOid: ZERO, newOid: side })],
    [
      'a missing ref that is moved',
      404,
      'REF_NOT_FOUND',
      () => ({ refName: 'refs/heads/no', oldOid: base, newOid: side }),
    ],
    [
      'a missing ref that is rewritten',
      404,
      'REF_NOT_FOUND',
      () => ({ refName: 'refs/heads/no', oldOid: side, newOid: base }),
    ],
    [
      'a missing ref that is deleted',
      404,
      'REF_NOT_FOUND',
      () => ({ refName: 'refs/heads/no', oldOid: base, newOid: ZERO }),
    ],
    ['the default branch deleted', 403, 'ACCESS_DENIED', () => ({ refName: MAIN, oldOid: base, newOid: ZERO })],
    ['a ref of the server', 403, 'ACCESS_DENIED', () => ({ refName: 'refs/pull/1/head', oldOid: ZERO, newOid: side })],
    [
      'a name git does not allow',
      400,
      'VALIDATION_ERROR',
      () => ({ refName: 'refs/heads/a..b', oldOid: ZERO, newOid: side }),
    ],
    ['nothing at all', 400, 'VALIDATION_ERROR', () => ({ refName: 'refs/heads/x', oldOid: ZERO, newOid: ZERO })],
    [
      'an object that is nowhere',
      400,
      'INVALID_PACKFILE',
      () => ({ refName: 'refs/heads/x', oldOid: ZERO, newOid: 'b'.repeat(40) }),
    ],
  ])('name %s', async (_, status, expected, update) => {
    const answer = await pusher.push(await pusher.packOf(side, `^${base}`), [update()]);
    expect(code(answer)).toEqual([status, expected]);
    expect(messages(answer)).toEqual([
      { refName: update().refName, status: 'error', message: expect.stringMatching(/./) },
    ]);
    expect(Object.fromEntries(await pusher.refs())).toEqual({ HEAD: base, [MAIN]: base, 'refs/heads/side': base });
  });

  it('tell a branch that would name a tree', async () => {
    const tree = await pusher.git('rev-parse', `${side}^{tree}`);
    const answer = await pusher.push(await pusher.packOf(side, `^${base}`), [
      { refName: 'refs/heads/tree', oldOid: ZERO, newOid: tree },
    ]);
    expect(code(answer)).toEqual([400, 'INVALID_OBJECT']);
  });

  it.each<[string, (pack: Buffer) => Buffer]>([
    ['empty', () => Buffer.alloc(0)],
    ['too short', (pack) => pack.subarray(0, 31)],
    ['of another version', (pack) => Buffer.concat([pack.subarray(0, 7), Buffer.of(4), pack.subarray(8)])],
    ['no pack', (pack) => Buffer.concat([Buffer.from('KCAP'), pack.subarray(4)])],
    ['damaged at its end', (pack) => Buffer.concat([pack.subarray(0, -1), Buffer.of(pack.at(-1)! ^ 1)])],
    ['cut', (pack) => pack.subarray(0, -25)],
    ['incomplete', () => EMPTY_PACK],
  ])('tell a pack that is %s', async (_, damage) => {
    const pack = damage(await pusher.packOf(side, `^${base}`));
    const answer = await pusher.push(pack, [{ refName: 'refs/heads/x', oldOid: ZERO, newOid: side }]);
    expect(code(answer)).toEqual([400, 'INVALID_PACKFILE']);
    expect(messages(answer)).toMatchObject([{ refName: 'refs/heads/x', status: 'error' }]);
    expect((await pusher.refs()).has('refs/heads/x')).toBe(false);
  });

  it('tell an object that breaks the rules of fsck', async () => {
    const tree = await pusher.git('rev-parse', `${side}^{tree}`);
    const text = `tree ${tree}\nauthor a <a@b> 1 +0000\ncommitter nobody\n\nbad\n`;
    const args = ['hash-object', '-t', 'commit', '-w', '--literally', '--stdin'];
    const bad = (await pusher.sandbox.git(args, { cwd: pusher.work, input: text })).stdout.trim();
    const pack = (
      await pusher.sandbox.git(['pack-objects', '--stdout', '-q'], { cwd: pusher.work, input: `${bad}\n${tree}\n` })
    ).bytes;
    const answer = await pusher.push(pack, [{ refName: 'refs/heads/bad', oldOid: ZERO, newOid: bad }]);
    expect(code(answer)).toEqual([400, 'INVALID_OBJECT']);
  });
});

describe('what may not push', () => {
  const update = { refName: MAIN, oldOid: ZERO, newOid: 'c'.repeat(40) };

  it('is everybody without the role, and whoever signed something else', async () => {
    const stranger = await newAgent(pusher.app);
    expect(code(await pusher.push(EMPTY_PACK, [update], { agent: stranger }))).toEqual([403, 'ACCESS_DENIED']);
    const other = await pusher.push(EMPTY_PACK, [update], { hash: 'd'.repeat(64) });
    expect(code(other)).toEqual([401, 'INVALID_SIGNATURE']);
    expect(other.headers['www-authenticate']).toContain('Basic realm="GitClaw"');
    expect(code(await pusher.push(EMPTY_PACK, [update], { action: 'repo_create' }))).toEqual([
      401,
      'INVALID_SIGNATURE',
    ]);
    const path = `/v1/repos/${randomUUID()}`;
    expect(code(await pusher.push(EMPTY_PACK, [update], { path }))).toEqual([404, 'REPO_NOT_FOUND']);
    const elsewhere = await newRepository(pusher.app, pusher.owner);
    const aimed = { path: `/v1/repos/${elsewhere.repoId}`, withRepo: true };
    expect(code(await pusher.push(EMPTY_PACK, [update], aimed))).toEqual([401, 'INVALID_SIGNATURE']);
    expect(code(await pusher.push(EMPTY_PACK, [update], { ...aimed, form: 'nested' }))).toEqual([
      400,
      'VALIDATION_ERROR',
    ]);
    const unsigned = await send(pusher.app.url, `/v1/repos/${pusher.repo.repoId}/git-receive-pack`, {
      method: 'POST',
      body: { packfile: '', refUpdates: [update] },
    });
    expect(code(unsigned)).toEqual([401, 'INVALID_SIGNATURE']);
  });

  it.each<[string, string | object]>([
    ['no JSON', '{"packfile":"QUJD"'],
    ['text after the end', '{} x'],
    ['a pack that stops half-way', '{"packfile":"QUJD'],
    ['an array', []],
    ['nothing', ''],
    ['no base64', { packfile: 'QUJ', refUpdates: [update] }],
    ['a pack twice', '{"packfile":"QUJD","packfile":"QUJD","refUpdates":[]}'],
    ['a pack that is a number', { packfile: 7, refUpdates: [update] }],
    ['no updates', { packfile: '' }],
    ['an empty list', { packfile: '', refUpdates: [] }],
    ['a ref twice', { packfile: '', refUpdates: [update, update] }],
    ['a short id', { packfile: '', refUpdates: [{ ...update, newOid: 'abc' }] }],
    ['an id in capitals', { packfile: '', refUpdates: [{ ...update, newOid: 'C'.repeat(40) }] }],
    ['a force that is text', { packfile: '', refUpdates: [{ ...update, force: 'yes' }] }],
    ['a name with NUL', { packfile: '', refUpdates: [{ ...update, refName: 'refs/heads/a\0' }] }],
  ])('is %s', async (_, body) => {
    const answer = await send(pusher.app.url, `/v1/repos/${pusher.repo.repoId}/git-receive-pack`, {
      method: 'POST',
      body,
    });
    expect(code(answer)).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('is a request above 100 MiB, announced or not', async () => {
    const path = `/v1/repos/${pusher.repo.repoId}/git-receive-pack`;
    const body = Buffer.alloc(100 * 1024 * 1024 + 1, 'A');
    body.write('{"packfile":"');
    expect(code(await send(pusher.app.url, path, { method: 'POST', body }))).toEqual([413, 'VALIDATION_ERROR']);
    const headers = { 'transfer-encoding': 'chunked' };
    expect(code(await send(pusher.app.url, path, { method: 'POST', headers, body }))).toEqual([
      413,
      'VALIDATION_ERROR',
    ]);
    const rest = `{"x":"${'A'.repeat(25 * 1024 * 1024)}"}`;
    expect(code(await send(pusher.app.url, path, { method: 'POST', body: rest }))).toEqual([413, 'VALIDATION_ERROR']);
  });

  it('is a large request beside eight others, until one of them ends', async () => {
    const { hostname, port } = new URL(pusher.app.url);
    const path = `/v1/repos/${pusher.repo.repoId}/git-receive-pack`;
    const head = `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n`;
    const slow = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const socket = connect(Number(port), hostname).on('error', () => {});
        await once(socket, 'connect');
        socket.write(`${head}{"packfile":"`);
        return socket;
      }),
    );
    const large = () =>
      pusher.push(EMPTY_PACK, [update], {
        encode: (body) => ({ body: Buffer.from(JSON.stringify({ ...body, padding: 'A'.repeat(3_000_000) })) }),
      });
    await expect.poll(async () => code(await large()), { timeout: 10_000 }).toEqual([503, 'SERVER_BUSY']);
    expect((await large()).headers['retry-after']).toBe('5');
    expect(code(await pusher.push(EMPTY_PACK, [update]))).toEqual([400, 'INVALID_PACKFILE']);
    slow[0]?.destroy();
    await expect.poll(async () => code(await large()), { timeout: 10_000 }).toEqual([400, 'INVALID_PACKFILE']);
    for (const socket of slow) socket.destroy();
  });

  it('leaves no working file behind', async () => {
    const names = await readdir(pusher.app.ctx.spool.folder);
    expect(names.filter((name) => name !== 'packs')).toEqual([]);
  });
});
