import { createHash, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GitSandbox } from '../../../../test/support/git.js';
import { startGitApp } from '../../../../test/support/git-app.js';
import {
  type Answer,
  newAgent,
  newRepository,
  send,
  sign,
  signedRequest,
  type TestAgent,
  type TestApp,
} from '../../../../test/support/http.js';
import type { JsonObject } from '../../../signing/index.js';
import { receivePackAnswer } from './schemas.js';

const ZERO = '0'.repeat(40);
const MAIN = 'refs/heads/main';
const sandbox = new GitSandbox();
let app: TestApp;
let owner: TestAgent;
let repo: { repoId: string; name: string; cloneUrl: string };
let work: string;
let count = 0;

beforeAll(async () => {
  app = await startGitApp();
  owner = await newAgent(app);
});
afterAll(async () => {
  await app.close();
  sandbox.dispose();
});
beforeEach(async () => {
  repo = await newRepository(app, owner);
  work = sandbox.path(`work-${++count}`);
  await sandbox.git(['init', '-q', work]);
});

const git = async (...args: string[]) => (await sandbox.git(args, { cwd: work })).stdout.trim();
async function commit(text: string, ...options: string[]): Promise<string> {
  writeFileSync(join(work, 'file.txt'), text);
  await git('add', '-A');
  await git('commit', '-q', '-m', text.slice(0, 20), ...options);
  return git('rev-parse', 'HEAD');
}
/** A pack of what `revisions` name, thin where they exclude something. */
async function packOf(...revisions: string[]): Promise<Buffer> {
  const args = ['pack-objects', '--stdout', '--revs', '--thin', '--delta-base-offset', '-q'];
  return (await sandbox.git(args, { cwd: work, input: `${revisions.join('\n')}\n` })).bytes;
}

interface Update {
  refName: string;
  oldOid: string;
  newOid: string;
  force?: boolean;
}
interface PushOptions {
  agent?: TestAgent;
  action?: string;
  /** Of the signed body. */
  prefix?: '' | 'sha256:';
  withRepo?: boolean;
  nonce?: string;
  timestamp?: string;
  path?: string;
  form?: 'flat' | 'headers' | 'nested';
  /** The hash that is signed; default: the right one. */
  hash?: string;
  encode?: (body: object) => { body: Buffer | object; headers?: Record<string, string> };
}

function push(pack: Buffer | null, updates: Update[], options: PushOptions = {}): Promise<Answer> {
  const { agent = owner, action = 'push', prefix = '', withRepo = false, form = 'flat' } = options;
  const hash =
    options.hash ??
    createHash('sha256')
      .update(pack ?? '')
      .digest('hex');
  const refUpdates = updates.map(({ refName, oldOid, newOid, force = false }) => ({ refName, oldOid, newOid, force }));
  const body: JsonObject = { packfileHash: `${prefix}${hash}`, refUpdates, ...(withRepo && { repoId: repo.repoId }) };
  const packfile = pack === null ? null : pack.toString('base64');
  const fields = { packfile, refUpdates: updates as unknown as JsonObject[] };
  const { nonce, timestamp } = options;
  const signing = { action, body, fields, form, ...(nonce && { nonce }), ...(timestamp && { timestamp }) };
  const sent = sign(agent, signing);
  const whole = form === 'nested' ? { packfile, ...(sent.body as object) } : (sent.body as object);
  const encoded = options.encode?.(whole) ?? { body: whole };
  const path = options.path ?? `/v1/repos/${repo.repoId}`;
  const headers = { ...sent.headers, ...encoded.headers };
  return send(app.url, `${path}/git-receive-pack`, { method: 'POST', headers, body: encoded.body });
}
const code = (answer: Answer) => [answer.status, answer.json.error?.code];
const refs = async () => {
  const { stdout } = await sandbox.git(['ls-remote', repo.cloneUrl]);
  const lines = stdout.split('\n').filter(Boolean);
  return new Map(lines.map((line) => line.split('\t').reverse() as [string, string]));
};
const audit = () => app.ctx.db.sql`SELECT * FROM audit_log WHERE resource_id = ${repo.repoId} AND action = 'push'`;

describe('a push as JSON', () => {
  it('is what a plain git clone gets, and is recorded like any push', async () => {
    const first = await commit('one\n');
    await commit('two\n');
    await git('tag', '-a', '-m', 'release', 'v1');
    const [head, tag] = [await git('rev-parse', 'HEAD'), await git('rev-parse', 'v1')];
    const updates = [
      { refName: MAIN, oldOid: ZERO, newOid: head },
      { refName: 'refs/heads/old', oldOid: ZERO, newOid: first },
      { refName: 'refs/tags/v1', oldOid: ZERO, newOid: tag },
    ];
    const pack = await packOf('HEAD', 'v1');
    const answer = await push(pack, updates);
    expect(answer.status, answer.text).toBe(200);
    expect(receivePackAnswer.parse(answer.json)).toEqual(answer.json);
    expect(answer.json).toEqual({
      status: 'ok',
      refUpdates: updates.map(({ refName }) => ({ refName, status: 'ok' })),
    });
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['idempotency-replayed']).toBeUndefined();
    const copy = sandbox.path(`copy-${count}`);
    await sandbox.git(['clone', '-q', '--mirror', repo.cloneUrl, copy]);
    expect(await sandbox.refs(copy)).toEqual((await sandbox.refs(work)).set('refs/heads/old', first));
    await sandbox.git(['fsck', '--strict', '--full'], { cwd: copy });
    const packfileHash = createHash('sha256').update(pack).digest('hex');
    const [row, ...others] = await audit();
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      agent_id: owner.agentId,
      data: { repo_id: repo.repoId, packfile_hash: packfileHash, force_push: false },
    });
    expect(JSON.parse(row?.envelope).body.packfileHash).toBe(packfileHash);
    const topics = await app.ctx.db.sql`SELECT topic FROM event_outbox WHERE audit_event_id = ${row?.event_id}`;
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
      const newOid = await commit('signed\n');
      const answer = await push(await packOf('HEAD'), [{ refName: MAIN, oldOid: ZERO, newOid }], {
        action,
        prefix,
        withRepo,
      });
      expect(answer.status, answer.text).toBe(200);
      expect((await refs()).get(MAIN)).toBe(newOid);
    },
  );

  it.each(['flat', 'headers', 'nested'] as const)('may come in the form %s', async (form) => {
    const newOid = await commit('form\n');
    const answer = await push(await packOf('HEAD'), [{ refName: MAIN, oldOid: ZERO, newOid }], { form });
    expect(answer.status, answer.text).toBe(200);
  });

  it('works under every address of the repository, P-256 keys, zipped and in chunks', async () => {
    const agent = await newAgent(app, { type: 'ecdsa' });
    const body = { repoId: repo.repoId, targetAgentId: agent.agentId, role: 'write' };
    await signedRequest(app, owner, 'POST', `/v1/repos/${repo.repoId}/access`, { action: 'access_grant', body });
    const base = `/v1/repos/${repo.repoId}`;
    const named = `/${owner.agentName}/${repo.name}`;
    let oldOid = ZERO;
    for (const path of [base, `${base}.git`, `${base}/clone`, `${named}.git`, named]) {
      const newOid = await commit(`${path}\n`);
      const pack = await packOf(newOid, ...(oldOid === ZERO ? [] : [`^${oldOid}`]));
      const encode = (whole: object) => ({
        body: gzipSync(JSON.stringify(whole)),
        headers: { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' },
      });
      const answer = await push(pack, [{ refName: MAIN, oldOid, newOid }], { agent, path, encode, withRepo: true });
      expect(answer.status, answer.text).toBe(200);
      oldOid = newOid;
    }
    expect((await refs()).get(MAIN)).toBe(oldOid);
  });

  it('completes thin packs and deletes refs without any pack', async () => {
    const text = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join('');
    const first = await commit(text);
    await push(await packOf('HEAD'), [
      { refName: MAIN, oldOid: ZERO, newOid: first },
      { refName: 'refs/heads/gone', oldOid: ZERO, newOid: first },
    ]);
    const second = await commit(`${text}one more\n`);
    const thin = await packOf(second, `^${first}`);
    await expect(sandbox.git(['index-pack', '--stdin'], { cwd: sandbox.path(), input: thin })).rejects.toThrow();
    expect((await push(thin, [{ refName: MAIN, oldOid: first, newOid: second }])).status).toBe(200);
    const gone = { refName: 'refs/heads/gone', oldOid: first, newOid: ZERO };
    expect((await push(null, [gone])).status).toBe(200);
    expect(Object.fromEntries(await refs())).toEqual({ HEAD: second, [MAIN]: second });
    const copy = sandbox.path(`thin-${count}`);
    await sandbox.git(['clone', '-q', repo.cloneUrl, copy]);
    await sandbox.git(['fsck', '--strict', '--full'], { cwd: copy });
  });

  it('may carry a pack far above the limit of other JSON', async () => {
    const bytes = Buffer.alloc(6 * 1024 * 1024);
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE((Math.imul(i, 2654435761) ^ (i >>> 3)) >>> 0, i);
    writeFileSync(join(work, 'big.bin'), bytes);
    const newOid = await commit('big\n');
    const pack = await packOf('HEAD');
    expect(pack.length).toBeGreaterThan(2 * 1024 * 1024);
    expect((await push(pack, [{ refName: MAIN, oldOid: ZERO, newOid }])).status).toBe(200);
    expect((await refs()).get(MAIN)).toBe(newOid);
  });
});

describe('one nonce, one effect', () => {
  it('answers repeats from the store, however late, and refuses other pushes', async () => {
    const newOid = await commit('once\n');
    const pack = await packOf('HEAD');
    const update = { refName: MAIN, oldOid: ZERO, newOid };
    const signing = { nonce: randomUUID(), timestamp: `${new Date().toISOString().slice(0, 19)}Z` };
    const answers = await Promise.all(Array.from({ length: 6 }, () => push(pack, [update], signing)));
    for (const answer of answers) {
      expect([answer.status, answer.json]).toEqual([
        200,
        { status: 'ok', refUpdates: [{ refName: MAIN, status: 'ok' }] },
      ]);
    }
    const again = await push(pack, [update], signing);
    expect([again.status, again.json, again.headers['idempotency-replayed']]).toEqual([200, answers[0]?.json, 'true']);
    const replayed = answers.filter((answer) => answer.headers['idempotency-replayed'] === 'true');
    expect(replayed).toHaveLength(5);
    expect(await audit()).toHaveLength(1);
    const events = await app.ctx.db.sql`SELECT nonce FROM push_events WHERE repo_id = ${repo.repoId}`;
    expect(events).toMatchObject([{ nonce: signing.nonce }]);
    const other = { refName: 'refs/heads/other', oldOid: ZERO, newOid };
    expect(code(await push(pack, [other], signing))).toEqual([401, 'REPLAY_ATTACK']);
    expect(code(await push(pack, [{ ...update, force: true }], signing))).toEqual([401, 'REPLAY_ATTACK']);
    expect(code(await push(pack, [update], { ...signing, action: 'git_push' }))).toEqual([401, 'REPLAY_ATTACK']);
    expect((await refs()).has('refs/heads/other')).toBe(false);
  });

  it('answers a repeat whose signature has expired meanwhile', async () => {
    const newOid = await commit('late\n');
    const pack = await packOf('HEAD');
    const old = `${new Date(Date.now() - 3600_000).toISOString().slice(0, 19)}Z`;
    const signing = { nonce: randomUUID(), timestamp: old };
    const update = { refName: MAIN, oldOid: ZERO, newOid };
    expect(code(await push(pack, [update], signing))).toEqual([401, 'SIGNATURE_EXPIRED']);
    expect(await refs()).toEqual(new Map());
  });

  it('leaves the nonce free when the push was refused', async () => {
    const newOid = await commit('retry\n');
    const pack = await packOf('HEAD');
    const nonce = randomUUID();
    const wrong = { refName: MAIN, oldOid: newOid, newOid };
    expect(code(await push(pack, [wrong], { nonce }))).toEqual([404, 'REF_NOT_FOUND']);
    expect((await push(pack, [{ refName: MAIN, oldOid: ZERO, newOid }], { nonce })).status).toBe(200);
  });
});

describe('refusals', () => {
  let base: string;
  let side: string;
  beforeEach(async () => {
    base = await commit('base\n');
    const updates = [MAIN, 'refs/heads/side'].map((refName) => ({ refName, oldOid: ZERO, newOid: base }));
    expect((await push(await packOf('HEAD'), updates)).status).toBe(200);
    side = await commit('side\n');
  });
  const messages = (answer: Answer) => answer.json.error.details.refUpdates;

  it('are all or nothing, with a status per ref', async () => {
    const updates = [
      { refName: 'refs/heads/new', oldOid: ZERO, newOid: side },
      { refName: 'refs/heads/side', oldOid: side, newOid: side },
    ];
    const answer = await push(await packOf(side, `^${base}`), updates);
    expect(code(answer)).toEqual([409, 'CONFLICT']);
    expect(messages(answer)).toEqual([
      { refName: 'refs/heads/new', status: 'ok', message: 'atomic push failed' },
      { refName: 'refs/heads/side', status: 'error', message: expect.stringContaining('the ref is at') },
    ]);
    expect((await refs()).has('refs/heads/new')).toBe(false);
    expect(await audit()).toHaveLength(1);
  });

  it('want the force said for a rewrite', async () => {
    const rewritten = await commit('rewritten\n', '--amend', '--reset-author');
    await git('reset', '-q', '--hard', base);
    const other = await commit('amended base\n', '--amend');
    const pack = await packOf(rewritten, other);
    const update = { refName: MAIN, oldOid: base, newOid: other };
    const refused = await push(pack, [update]);
    expect(code(refused)).toEqual([409, 'NON_FAST_FORWARD']);
    expect(messages(refused)).toEqual([{ refName: MAIN, status: 'error', message: 'non-fast-forward' }]);
    expect((await refs()).get(MAIN)).toBe(base);
    const forced = await push(pack, [{ ...update, force: true }]);
    expect(forced.json).toEqual({
      status: 'ok',
      refUpdates: [{ refName: MAIN, status: 'ok', message: 'forced update' }],
    });
    expect((await refs()).get(MAIN)).toBe(other);
    const [, row] = await audit();
    expect(row?.data.force_push).toBe(true);
    const stale = { refName: MAIN, oldOid: base, newOid: rewritten };
    expect(code(await push(pack, [stale]))).toEqual([409, 'CONFLICT']);
    expect(code(await push(pack, [{ ...stale, oldOid: 'a'.repeat(40) }]))).toEqual([409, 'CONFLICT']);
    expect(code(await push(pack, [{ ...stale, oldOid: 'a'.repeat(40), force: true }]))).toEqual([409, 'CONFLICT']);
    const unforced = { refName: 'refs/heads/side', oldOid: base, newOid: rewritten, force: true };
    const fine = await push(pack, [unforced]);
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
    const answer = await push(await packOf(side, `^${base}`), [update()]);
    expect(code(answer)).toEqual([status, expected]);
    expect(messages(answer)).toEqual([
      { refName: update().refName, status: 'error', message: expect.stringMatching(/./) },
    ]);
    expect(Object.fromEntries(await refs())).toEqual({ HEAD: base, [MAIN]: base, 'refs/heads/side': base });
  });

  it('tell a branch that would name a tree', async () => {
    const tree = await git('rev-parse', `${side}^{tree}`);
    const answer = await push(await packOf(side, `^${base}`), [
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
    ['incomplete', () => Buffer.from('5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e', 'hex')],
  ])('tell a pack that is %s', async (_, damage) => {
    const pack = damage(await packOf(side, `^${base}`));
    const answer = await push(pack, [{ refName: 'refs/heads/x', oldOid: ZERO, newOid: side }]);
    expect(code(answer)).toEqual([400, 'INVALID_PACKFILE']);
    expect(messages(answer)).toMatchObject([{ refName: 'refs/heads/x', status: 'error' }]);
    expect((await refs()).has('refs/heads/x')).toBe(false);
  });

  it('tell an object that breaks the rules of fsck', async () => {
    const tree = await git('rev-parse', `${side}^{tree}`);
    const text = `tree ${tree}\nauthor a <a@b> 1 +0000\ncommitter nobody\n\nbad\n`;
    const args = ['hash-object', '-t', 'commit', '-w', '--literally', '--stdin'];
    const bad = (await sandbox.git(args, { cwd: work, input: text })).stdout.trim();
    const pack = (await sandbox.git(['pack-objects', '--stdout', '-q'], { cwd: work, input: `${bad}\n${tree}\n` }))
      .bytes;
    const answer = await push(pack, [{ refName: 'refs/heads/bad', oldOid: ZERO, newOid: bad }]);
    expect(code(answer)).toEqual([400, 'INVALID_OBJECT']);
  });
});

describe('what may not push', () => {
  const update = { refName: MAIN, oldOid: ZERO, newOid: 'c'.repeat(40) };
  const empty = Buffer.from('5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e', 'hex');

  it('is everybody without the role, and whoever signed something else', async () => {
    const stranger = await newAgent(app);
    expect(code(await push(empty, [update], { agent: stranger }))).toEqual([403, 'ACCESS_DENIED']);
    const other = await push(empty, [update], { hash: 'd'.repeat(64) });
    expect(code(other)).toEqual([401, 'INVALID_SIGNATURE']);
    expect(other.headers['www-authenticate']).toContain('Basic realm="GitClaw"');
    expect(code(await push(empty, [update], { action: 'repo_create' }))).toEqual([401, 'INVALID_SIGNATURE']);
    const path = `/v1/repos/${randomUUID()}`;
    expect(code(await push(empty, [update], { path }))).toEqual([404, 'REPO_NOT_FOUND']);
    const elsewhere = await newRepository(app, owner);
    const aimed = { path: `/v1/repos/${elsewhere.repoId}`, withRepo: true };
    expect(code(await push(empty, [update], aimed))).toEqual([401, 'INVALID_SIGNATURE']);
    expect(code(await push(empty, [update], { ...aimed, form: 'nested' }))).toEqual([400, 'VALIDATION_ERROR']);
    const unsigned = await send(app.url, `/v1/repos/${repo.repoId}/git-receive-pack`, {
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
    const answer = await send(app.url, `/v1/repos/${repo.repoId}/git-receive-pack`, { method: 'POST', body });
    expect(code(answer)).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('is a request above 100 MiB, announced or not', async () => {
    const path = `/v1/repos/${repo.repoId}/git-receive-pack`;
    const body = Buffer.alloc(100 * 1024 * 1024 + 1, 'A');
    body.write('{"packfile":"');
    expect(code(await send(app.url, path, { method: 'POST', body }))).toEqual([413, 'VALIDATION_ERROR']);
    const headers = { 'transfer-encoding': 'chunked' };
    expect(code(await send(app.url, path, { method: 'POST', headers, body }))).toEqual([413, 'VALIDATION_ERROR']);
    const rest = `{"x":"${'A'.repeat(25 * 1024 * 1024)}"}`;
    expect(code(await send(app.url, path, { method: 'POST', body: rest }))).toEqual([413, 'VALIDATION_ERROR']);
  });

  it('leaves no working file behind', async () => {
    const { readdir } = await import('node:fs/promises');
    const names = await readdir(app.ctx.spool.folder);
    expect(names.filter((name) => name !== 'packs')).toEqual([]);
  });
});
