import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SeededRepository } from '../../../../test/support/git.js';
import { gitAuthorization } from '../../../../test/support/git-app.js';
import { type Answer, newAgent, newRepository, send, sign, signedRequest } from '../../../../test/support/http.js';
import { code, EMPTY_PACK, JsonPusher } from '../../../../test/support/json-push.js';
import { GitClawClient } from '../../../client/index.js';
import { cloneAnswer } from './schemas.js';

let pusher: JsonPusher;
let source: SeededRepository;
let count = 0;

beforeAll(async () => {
  pusher = await JsonPusher.start();
  await pusher.newRepository();
  source = await pusher.sandbox.seedHistory({ seed: 31, commits: 120, merges: 14, branches: 3, tags: 6, bare: true });
  const header = gitAuthorization(pusher.app, pusher.owner, pusher.repo.repoId);
  await pusher.sandbox.git(['-c', header, 'push', '-q', '--mirror', pusher.repo.cloneUrl], { cwd: source.dir });
});
afterAll(() => pusher.stop());

const original = async (...args: string[]) => (await pusher.sandbox.git(args, { cwd: source.dir })).stdout.trim();
const lines = (text: string) => text.split('\n').filter(Boolean);

/** A repository made of nothing but a pack, as a client without git's protocol would make it. */
async function unpacked(pack: Buffer, shallow: string[] = []): Promise<string> {
  const dir = pusher.sandbox.path(`unpacked-${++count}`);
  await pusher.sandbox.git(['init', '-q', '--bare', dir]);
  if (shallow.length > 0) writeFileSync(join(dir, 'shallow'), `${shallow.join('\n')}\n`);
  await pusher.sandbox.git(['index-pack', '--stdin', '--strict'], { cwd: dir, input: pack });
  return dir;
}
async function objectsIn(dir: string): Promise<string[]> {
  const args = ['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'];
  return lines((await pusher.sandbox.git(args, { cwd: dir })).stdout).sort();
}
async function objectsOf(dir: string, ...revisions: string[]): Promise<string[]> {
  const { stdout } = await pusher.sandbox.git(['rev-list', '--objects', '--no-object-names', ...revisions], {
    cwd: dir,
  });
  return [...new Set(lines(stdout))].sort();
}

describe('POST clone', () => {
  const clone = (depth?: unknown, agent = pusher.owner, repoId = pusher.repo.repoId) => {
    const body = { repoId, ...(depth === undefined ? {} : { depth: depth as number }) };
    return signedRequest(pusher.app, agent, 'POST', `/v1/repos/${repoId}/clone`, { action: 'repo_clone', body });
  };
  async function restored(answer: Answer): Promise<string> {
    expect(answer.status, answer.text.slice(0, 300)).toBe(200);
    expect(cloneAnswer.parse(answer.json.data)).toEqual(answer.json.data);
    const { packfile, shallow, refs } = answer.json.data;
    const dir = await unpacked(Buffer.from(packfile, 'base64'), shallow);
    for (const { name, oid } of refs) await pusher.sandbox.git(['update-ref', name, oid], { cwd: dir });
    await pusher.sandbox.git(['fsck', '--strict', '--full'], { cwd: dir });
    return dir;
  }

  it('is what the client gets', async () => {
    const { agentId, privateKey } = pusher.owner;
    const client = new GitClawClient({ baseUrl: pusher.app.url, agentId, privateKey });
    for (const depth of [null, 3]) {
      const cloned = await client.cloneRepo(pusher.repo.repoId, depth);
      expect(cloned).toEqual((await clone(depth)).json.data);
      expect(cloned.shallow.length > 0).toBe(depth !== null);
    }
    expect(await client.repo(pusher.repo.repoId)).toMatchObject({ forkedFrom: null });
  });

  it('holds every ref and every object', async () => {
    const answer = await clone();
    const dir = await restored(answer);
    expect(await pusher.sandbox.refs(dir)).toEqual(source.refs);
    expect(await objectsIn(dir)).toEqual(await objectsIn(source.dir));
    const { data, meta } = answer.json;
    expect(Object.keys(data)).toEqual(['repoId', 'refs', 'packfile', 'headRef', 'shallow']);
    expect([data.repoId, data.headRef, data.shallow]).toEqual([pusher.repo.repoId, 'refs/heads/main', []]);
    expect(data.refs.filter((ref: { isHead: boolean }) => ref.isHead)).toEqual([
      { name: 'refs/heads/main', oid: source.head, isHead: true },
    ]);
    expect(answer.headers['x-request-id']).toBe(meta.requestId);
    const rows = await pusher.audit('repo_clone');
    expect(rows.at(-1)).toMatchObject({
      agent_id: pusher.owner.agentId,
      data: { repo_id: pusher.repo.repoId, depth: null },
    });
    expect(JSON.parse(rows.at(-1)?.envelope ?? '{}').action).toBe('repo_clone');
  });

  it.each([1, 2, 7, 1_000_000])('with depth %i ends where git clone --depth ends', async (depth) => {
    const answer = await clone(depth);
    const dir = await restored(answer);
    const expected = pusher.sandbox.path(`expected-${++count}`);
    const args = [
      'clone',
      '-q',
      '--mirror',
      '--no-single-branch',
      `--depth=${depth}`,
      `file://${source.dir}`,
      expected,
    ];
    await pusher.sandbox.git(args);
    expect(await objectsIn(dir)).toEqual(await objectsIn(expected));
    const border = depth > 1000 ? [] : lines(readFileSync(join(expected, 'shallow'), 'utf8')).sort();
    expect(answer.json.data.shallow.toSorted()).toEqual(border);
    expect((await pusher.audit('repo_clone')).at(-1)?.data).toEqual({ repo_id: pusher.repo.repoId, depth });
  });

  it('of an empty repository holds an empty pack', async () => {
    const { repoId } = await newRepository(pusher.app, pusher.owner);
    for (const depth of [undefined, 3]) {
      const { json } = await clone(depth, pusher.owner, repoId);
      const packfile = EMPTY_PACK.toString('base64');
      expect(json.data).toEqual({ repoId, refs: [], packfile, headRef: 'refs/heads/main', shallow: [] });
    }
  });

  it.each(['nested', 'flat', 'headers'] as const)('takes the form %s, with the depth left out or not', async (form) => {
    const { repoId } = pusher.repo;
    const path = `/v1/repos/${repoId}/clone`;
    for (const fields of [{}, { depth: null }, { depth: 1 }]) {
      const body = { repoId, depth: null, ...fields };
      const answer = await signedRequest(pusher.app, pusher.owner, 'POST', path, {
        action: 'repo_clone',
        form,
        body,
        fields,
      });
      expect(answer.status, answer.text.slice(0, 300)).toBe(200);
    }
  });

  it.each([0, -1, 1.5, '3', true, [1]])('refuses the depth %j', async (depth) => {
    expect(code(await clone(depth))).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('is for readers', async () => {
    const stranger = await newAgent(pusher.app);
    expect((await clone(1, stranger)).status).toBe(200);
    const { repoId } = await newRepository(pusher.app, pusher.owner, { visibility: 'private' });
    expect(code(await clone(1, stranger, repoId))).toEqual([403, 'ACCESS_DENIED']);
    const body = { repoId, targetAgentId: stranger.agentId, role: 'read' };
    await signedRequest(pusher.app, pusher.owner, 'POST', `/v1/repos/${repoId}/access`, {
      action: 'access_grant',
      body,
    });
    expect((await clone(1, stranger, repoId)).status).toBe(200);
    expect(code(await clone(1, stranger, '00000000-0000-4000-8000-000000000000'))).toEqual([404, 'REPO_NOT_FOUND']);
    const unsigned = await send(pusher.app.url, `/v1/repos/${repoId}/clone`, { method: 'POST', body: {} });
    expect(code(unsigned)).toEqual([401, 'INVALID_SIGNATURE']);
  });
});

describe('POST git-upload-pack as JSON', () => {
  const TYPE = 'application/x-git-upload-pack-result';
  interface Wish {
    wants?: unknown;
    haves?: unknown;
  }
  function fetchPack(wish: Wish, options: { agent?: typeof pusher.owner; path?: string; repoId?: string } = {}) {
    const { agent = pusher.owner, repoId = pusher.repo.repoId, path = `/v1/repos/${repoId}` } = options;
    const body = { repoId, wants: [] as string[], haves: [] as string[], depth: null, ...(wish as object) };
    const sent = sign(agent, { action: 'git-upload-pack', form: 'flat', body, fields: wish as never });
    return raw(`${path}/git-upload-pack`, sent.body as object);
  }
  async function raw(path: string, body: object) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${pusher.app.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const isPack = answer.headers.get('content-type') === TYPE;
    const json = isPack ? undefined : JSON.parse(bytes.toString());
    return { status: answer.status, headers: answer.headers, bytes, json };
  }
  const said = (answer: Awaited<ReturnType<typeof raw>>) => [answer.status, answer.json?.error?.code];

  it('answers with a bare pack of what the wants reach', async () => {
    const tag = source.refs.get('refs/tags/v0.0') ?? '';
    const old = await original('rev-parse', 'main~5');
    const answer = await fetchPack({ wants: [source.head, tag, old] });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, TYPE]);
    expect(answer.headers.get('cache-control')).toContain('no-cache');
    expect(await objectsIn(await unpacked(answer.bytes))).toEqual(await objectsOf(source.dir, source.head, tag));
    expect((await pusher.audit('git-upload-pack')).at(-1)).toMatchObject({
      agent_id: pusher.owner.agentId,
      data: { repo_id: pusher.repo.repoId, wants_count: 3, haves_count: 0, depth: null },
    });
  });

  it('leaves out what the haves reach, and completes every delta', async () => {
    const have = await original('rev-parse', 'main~20');
    const unknown = 'e'.repeat(40);
    const { bytes } = await fetchPack({ wants: [source.head], haves: [have, unknown] });
    const dir = pusher.sandbox.path(`part-${++count}`);
    await pusher.sandbox.git(['init', '-q', '--bare', dir]);
    await pusher.sandbox.git(['index-pack', '--stdin'], { cwd: dir, input: bytes });
    const got = await objectsIn(dir);
    expect(got).toEqual(expect.arrayContaining(await objectsOf(source.dir, source.head, `^${have}`)));
    expect(got.length).toBeLessThan((await objectsOf(source.dir, source.head)).length);
    expect(got).not.toContain(have);
  });

  it.each([{}, { wants: [] }, { haves: [] }])('answers no wants, %j, with an empty pack', async (wish) => {
    const { status, bytes } = await fetchPack(wish);
    expect([status, bytes.equals(EMPTY_PACK)]).toEqual([200, true]);
  });

  it('repeats without using the nonce up, under every address', async () => {
    const { repoId, name } = pusher.repo;
    const body = { repoId, wants: [source.head], haves: [], depth: null };
    const sent = sign(pusher.owner, { action: 'git-upload-pack', body });
    const named = `/${pusher.owner.agentName}/${name}`;
    const base = `/v1/repos/${repoId}`;
    const hashes = new Set<string>();
    for (const path of [base, base, `${base}.git`, `${base}/clone`, `${named}.git`, named]) {
      const { status, bytes } = await raw(`${path}/git-upload-pack`, sent.body as object);
      expect(status).toBe(200);
      hashes.add(createHash('sha1').update(bytes).digest('hex'));
    }
    expect(hashes.size).toBe(1);
  });

  it('serves nothing that no ref reaches', async () => {
    for (const want of ['e'.repeat(40), EMPTY_PACK.toString('hex', 12)]) {
      expect(said(await fetchPack({ wants: [source.head, want] }))).toEqual([404, 'REF_NOT_FOUND']);
    }
  });

  it.each<[string, Wish]>([
    ['wants that are no list', { wants: 'abc' }],
    ['a short id', { wants: ['abc'] }],
    ['an id in capitals', { wants: ['A'.repeat(40)] }],
    ['haves of numbers', { haves: [1] }],
  ])('refuses %s', async (_, wish) => {
    expect(said(await fetchPack(wish))).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('needs a signature and the role', async () => {
    const stranger = await newAgent(pusher.app);
    const { repoId } = await newRepository(pusher.app, pusher.owner, { visibility: 'private' });
    expect(said(await fetchPack({}, { repoId, agent: stranger }))).toEqual([403, 'ACCESS_DENIED']);
    expect((await fetchPack({}, { repoId })).status).toBe(200);
    const unsigned = await raw(`/v1/repos/${repoId}/git-upload-pack`, { wants: [] });
    expect(said(unsigned)).toEqual([401, 'INVALID_SIGNATURE']);
    expect(unsigned.headers.get('www-authenticate')).toContain('Basic realm="GitClaw"');
    const nowhere = '00000000-0000-4000-8000-000000000000';
    expect(said(await fetchPack({}, { repoId: nowhere }))).toEqual([404, 'REPO_NOT_FOUND']);
  });
});
