import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GitSandbox, type SeededRepository } from '../../test/support/git.js';
import { gitAuthorization, startGitApp } from '../../test/support/git-app.js';
import {
  type Answer,
  newAgent,
  newRepository,
  send,
  sign,
  signedRequest,
  type TestAgent,
  type TestApp,
} from '../../test/support/http.js';
import { MAX_CONTENT_BYTES } from './contents.js';
import { browseApi } from './index.js';

const sandbox = new GitSandbox();
let app: TestApp;
let owner: TestAgent;

beforeAll(async () => {
  app = await startGitApp();
  owner = await newAgent(app);
});
afterAll(async () => {
  await app.close();
  sandbox.dispose();
});

/** Every success must have exactly the shape that the room promises. */
async function get(repoId: string, rest: string): Promise<Answer> {
  const answer = await send(app.url, `/v1/repos/${repoId}/${rest}`);
  const route = /^[a-z]+/.exec(rest)?.[0];
  const described = browseApi.find((each) => each.path.split('/')[4] === route);
  if (answer.status === 200) expect(described?.data.parse(answer.json.data)).toEqual(answer.json.data);
  return answer;
}
const code = (answer: Answer) => [answer.status, answer.json.error?.code];

async function pushed(dir: string, ...refspecs: string[]): Promise<string> {
  const { repoId, cloneUrl } = await newRepository(app, owner);
  await sandbox.git(['-c', gitAuthorization(app, owner, repoId), 'push', '-q', cloneUrl, ...refspecs], { cwd: dir });
  return repoId;
}
async function newWork(name: string): Promise<string> {
  const dir = sandbox.path(name);
  await sandbox.git(['init', '-q', dir]);
  return dir;
}
const lines = (text: string) => text.split('\n').filter(Boolean);

describe('a project with history', () => {
  let source: SeededRepository;
  let repoId: string;
  const git = async (...args: string[]) => (await sandbox.git(args, { cwd: source.dir })).stdout;

  beforeAll(async () => {
    source = await sandbox.seedHistory({ seed: 22, commits: 260, merges: 30, branches: 4, tags: 6, bare: true });
    repoId = await pushed(source.dir, '--mirror');
  });

  it('lists branches as git does', async () => {
    const { json } = await get(repoId, 'branches');
    const expected = lines(await git('for-each-ref', '--format=%(refname:short) %(objectname)', 'refs/heads'));
    expect(json.data.branches.map((each: { name: string; oid: string }) => `${each.name} ${each.oid}`)).toEqual(
      expected,
    );
    const defaults = json.data.branches.filter((each: { isDefault: boolean }) => each.isDefault);
    expect(defaults).toMatchObject([{ name: 'main' }]);
  });

  it.each(['main', 'topic/2', 'v2.0', 'light-1', 'refs/heads/topic/1', 'HEAD'])(
    'pages through the history of %s in the order of git log',
    async (branch) => {
      const shas: string[] = [];
      for (let offset = 0; ; offset += 100) {
        const { json } = await get(repoId, `commits?branch=${encodeURIComponent(branch)}&limit=100&offset=${offset}`);
        shas.push(...json.data.commits.map((each: { sha: string }) => each.sha));
        if (json.data.commits.length < 100) break;
      }
      const rev = branch === 'HEAD' ? 'main' : branch;
      expect(shas).toEqual(lines(await git('log', '--format=%H', rev, '--')));
      expect(shas).toEqual(lines(await git('log', '--date-order', '--format=%H', rev, '--')));
    },
  );

  it('shows what git log shows of a commit', async () => {
    const { json } = await get(repoId, 'commits?limit=100');
    for (const commit of json.data.commits.slice(0, 20)) {
      const [an, ae, ct, parents] = lines(await git('log', '-1', '--format=%an%n%ae%n%ct%n%P', commit.sha));
      expect(commit).toMatchObject({
        authorName: an,
        authorEmail: ae,
        authorId: null,
        createdAt: new Date(Number(ct) * 1000).toISOString(),
        parents: (parents ?? '').split(' ').filter(Boolean),
      });
      const raw = await git('cat-file', 'commit', commit.sha);
      expect(commit.message).toBe(raw.slice(raw.indexOf('\n\n') + 2));
    }
  });

  it('has 50 commits on a page, at most 100, and clamps', async () => {
    const count = async (query: string) => (await get(repoId, `commits${query}`)).json.data.commits.length;
    expect(await count('')).toBe(50);
    expect(await count('?limit=1000')).toBe(100);
    expect(await count('?limit=0')).toBe(1);
    expect(await count('?offset=100000')).toBe(0);
    expect(code(await get(repoId, 'commits?limit=x'))).toEqual([400, 'INVALID_PAGINATION']);
    expect(code(await get(repoId, 'commits?offset=1.5'))).toEqual([400, 'INVALID_PAGINATION']);
  });

  it('walks every directory as git ls-tree -l does, and every file as git cat-file does', async () => {
    const rows = lines(
      await git('ls-tree', '-r', '-t', '-l', '-z', 'main').then((text) => text.replaceAll('\0', '\n')),
    );
    const directories = rows.filter((row) => row.startsWith('040000')).map((row) => row.split('\t')[1] ?? '');
    expect(directories.length).toBeGreaterThan(3);
    const seen: string[] = [];
    for (const path of ['', ...directories]) {
      const { json } = await get(repoId, `tree?path=${encodeURIComponent(path)}`);
      expect([json.data.ref, json.data.path]).toEqual(['main', path]);
      for (const entry of json.data.entries) {
        const kind = entry.type === 'directory' ? 'tree' : 'blob';
        seen.push(`${entry.mode} ${kind} ${entry.oid} ${String(entry.size ?? '-').padStart(7)}\t${entry.path}`);
        expect(entry.path.endsWith(entry.name)).toBe(true);
      }
    }
    expect(seen.sort()).toEqual(rows.sort());
    const kinds = ['120000', '100755', '100644'];
    const files = kinds.flatMap((mode) => rows.filter((row) => row.startsWith(mode)).slice(0, 15));
    for (const row of files) {
      const [meta = '', path = ''] = row.split('\t');
      const oid = meta.split(' ')[2] ?? '';
      const { json } = await get(repoId, `contents/${path.split('/').map(encodeURIComponent).join('/')}`);
      const { bytes } = await sandbox.git(['cat-file', 'blob', oid], { cwd: source.dir });
      const { content, encoding, ...rest } = json.data;
      expect(Buffer.from(content, encoding).equals(bytes)).toBe(true);
      expect(rest).toEqual({ path, ref: 'main', size: bytes.length, oid });
    }
    expect([...new Set(files.map((row) => row.slice(0, 6)))]).toEqual(kinds);
  });

  it('takes full and short commit ids that a ref reaches, in any case', async () => {
    const old = lines(await git('rev-list', 'main')).at(-3) ?? '';
    for (const ref of [old, old.slice(0, 9), old.toUpperCase()]) {
      const { json } = await get(repoId, `tree?ref=${ref}`);
      expect(json.data.ref).toBe(ref);
      const expected = lines(await git('ls-tree', '--format=%(objectname)', old));
      expect(json.data.entries.map((entry: { oid: string }) => entry.oid)).toEqual(expected);
    }
    const tag = source.refs.get('refs/tags/v0.0') ?? '';
    expect((await get(repoId, `commits?branch=${tag}&limit=1`)).json.data.commits[0].sha).toBe(
      (await git('rev-parse', `${tag}^{commit}`)).trim(),
    );
  });

  it.each(['no-such', 'refs/heads/no', 'refs/tags', '0'.repeat(40), 'abc', 'deadbeef', '%00', 'a'.repeat(5000)])(
    'answers 404 REF_NOT_FOUND for the ref %.30s',
    async (ref) => {
      for (const route of ['commits?branch=', 'tree?ref=', 'contents/x?ref=']) {
        expect(code(await get(repoId, `${route}${ref}`))).toEqual([404, 'REF_NOT_FOUND']);
      }
    },
  );

  it('answers an ambiguous short id with 404', async () => {
    const ids = lines(await git('rev-list', '--all')).map((id) => id.slice(0, 4));
    const twice = ids.find((id, i) => ids.indexOf(id) !== i);
    expect(twice, 'the seed makes two ids that begin alike').toBeDefined();
    const answer = await get(repoId, `commits?branch=${twice}`);
    expect(code(answer)).toEqual([404, 'REF_NOT_FOUND']);
    expect(answer.json.error.message).toContain('ambiguous');
  });
});

describe('clocks that go wrong', () => {
  it('keeps parents behind children, and equal dates in the order of git', async () => {
    const dir = await newWork('skewed');
    const commit = (message: string, seconds: number) =>
      sandbox.git(['commit', '-q', '--allow-empty', '-m', message], {
        cwd: dir,
        env: { GIT_COMMITTER_DATE: `@${seconds} +0000`, GIT_AUTHOR_DATE: '@1 +0000' },
      });
    const run = (...args: string[]) =>
      sandbox.git(args, { cwd: dir, env: { GIT_COMMITTER_DATE: '@5000 +0000', GIT_AUTHOR_DATE: '@1 +0000' } });
    await commit('root', 9000);
    await run('branch', 'side');
    for (const [i, seconds] of [100, 8000, 5000, 5000, 5000].entries()) await commit(`main ${i}`, seconds);
    await run('checkout', '-q', 'side');
    for (const [i, seconds] of [7000, 5000, 5000, 200].entries()) await commit(`side ${i}`, seconds);
    await run('checkout', '-q', '-b', 'third', 'main~2');
    for (const [i, seconds] of [5000, 5000, 300].entries()) await commit(`third ${i}`, seconds);
    await run('checkout', '-q', 'main');
    await run('merge', '-q', '--no-ff', '-m', 'octopus', 'side', 'third');
    await commit('last', 2 ** 40);
    const repoId = await pushed(dir, 'main');
    const { json } = await get(repoId, 'commits');
    const expected = lines((await run('log', '--date-order', '--format=%H')).stdout);
    expect(json.data.commits.map((each: { sha: string }) => each.sha)).toEqual(expected);
    expect(json.data.commits[0].createdAt).toBe('9999-12-31T23:59:59.000Z');
  });
});

describe('files of every kind', () => {
  let repoId: string;
  let dir: string;
  const NAMES = ['with space.txt', 'größe/ß ä.md', '100%.txt', 'a+b&c=d?.txt', '#hash', 'quote".txt'];

  beforeAll(async () => {
    dir = await newWork('kinds');
    mkdirSync(join(dir, 'größe'));
    for (const name of NAMES) writeFileSync(join(dir, name), `this is ${name}\n`);
    writeFileSync(join(dir, 'empty'), '');
    writeFileSync(join(dir, 'bom.txt'), '\ufeffmarked\n');
    writeFileSync(join(dir, 'nul.txt'), 'a\0b');
    writeFileSync(join(dir, 'latin1.txt'), Buffer.from('gr\xfc\xdfe', 'latin1'));
    writeFileSync(join(dir, 'just.bin'), Buffer.alloc(MAX_CONTENT_BYTES, 0xff));
    writeFileSync(join(dir, 'large.bin'), Buffer.alloc(MAX_CONTENT_BYTES + 1, 0xff));
    symlinkSync('größe/ß ä.md', join(dir, 'link'));
    await sandbox.git(['add', '-A'], { cwd: dir });
    await sandbox.git(['update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},sub`], { cwd: dir });
    const author = [`user.email=${owner.agentId}@agents.gitclaw`, 'user.name=Ägent'].flatMap((each) => ['-c', each]);
    await sandbox.git([...author, 'commit', '-q', '-m', 'kinds'], { cwd: dir });
    await sandbox.git(['tag', '-a', '-m', 'tree', 'tree-tag', 'HEAD^{tree}'], { cwd: dir });
    repoId = await pushed(dir, 'main', 'tree-tag');
  });

  it.each(NAMES)('finds %s by its path', async (name) => {
    const { json } = await get(repoId, `contents/${encodeURIComponent(name)}`);
    expect(json.data).toMatchObject({ path: name, encoding: 'utf-8', content: `this is ${name}\n` });
    const slashes = await get(repoId, `contents/${name.split('/').map(encodeURIComponent).join('/')}`);
    expect(slashes.json.data).toEqual(json.data);
  });

  it.each([
    ['empty', 'utf-8', ''],
    ['bom.txt', 'utf-8', '\ufeffmarked\n'],
    ['nul.txt', 'base64', 'YQBi'],
    ['latin1.txt', 'base64', Buffer.from('gr\xfc\xdfe', 'latin1').toString('base64')],
    ['link', 'utf-8', 'größe/ß ä.md'],
  ])('shows %s as %s', async (path, encoding, content) => {
    expect((await get(repoId, `contents/${path}`)).json.data).toMatchObject({ path, encoding, content });
  });

  it('lists links and submodules as files, told apart by mode', async () => {
    const { json } = await get(repoId, 'tree');
    const find = (name: string) => json.data.entries.find((entry: { name: string }) => entry.name === name);
    const target = Buffer.byteLength('größe/ß ä.md');
    expect(find('link')).toMatchObject({ type: 'file', mode: '120000', size: target });
    expect(find('sub')).toMatchObject({ type: 'file', mode: '160000', size: null, oid: '1'.repeat(40) });
    expect(find('größe')).toMatchObject({ type: 'directory', mode: '040000', size: null });
    expect(find('large.bin')).toMatchObject({ type: 'file', mode: '100644', size: MAX_CONTENT_BYTES + 1 });
    expect(
      (await sandbox.git(['ls-tree', '--name-only', '-z', 'main'], { cwd: dir })).stdout.split('\0').slice(0, -1),
    ).toEqual(json.data.entries.map((entry: { name: string }) => entry.name));
  });

  it('shows files up to the limit and refuses larger ones with 413', async () => {
    expect((await get(repoId, 'contents/just.bin')).json.data.size).toBe(MAX_CONTENT_BYTES);
    const answer = await get(repoId, 'contents/large.bin');
    expect(code(answer)).toEqual([413, 'VALIDATION_ERROR']);
    expect(answer.json.error.details).toMatchObject({ maxBytes: MAX_CONTENT_BYTES, size: MAX_CONTENT_BYTES + 1 });
  });

  it('knows the agent behind an address of the server', async () => {
    const { json } = await get(repoId, 'commits');
    expect(json.data.commits).toMatchObject([{ authorId: owner.agentId, authorName: 'Ägent', message: 'kinds\n' }]);
  });

  it.each([
    '',
    '%2F',
    'gr%C3%B6%C3%9Fe',
    'gr%C3%B6%C3%9Fe/',
    'gr%F6%DFe',
    'none',
    'empty/x',
    'sub',
    'sub/x',
    'a%2F..%2Fempty',
    '..%2Fempty',
    'gr%C3%B6%C3%9Fe%2F%2F%C3%9F%20%C3%A4.md',
    '%00',
    'empty%00',
    '%ff',
  ])('answers 404 NOT_FOUND for the contents of "%s"', async (path) => {
    expect(code(await get(repoId, `contents/${path}`))).toEqual([404, 'NOT_FOUND']);
  });

  it('takes leading and trailing slashes of directories away, and nothing else', async () => {
    for (const path of ['gr%C3%B6%C3%9Fe', '/gr%C3%B6%C3%9Fe', 'gr%C3%B6%C3%9Fe/']) {
      const { json } = await get(repoId, `tree?path=${path}`);
      expect([json.data.path, json.data.entries[0].path]).toEqual(['größe', 'größe/ß ä.md']);
    }
    expect((await get(repoId, 'tree?path=%2F')).json.data.path).toBe('');
    for (const path of ['.', '..', 'gr%C3%B6%C3%9Fe/..', 'none', 'empty', 'link', 'sub', '%00']) {
      expect(code(await get(repoId, `tree?path=${path}`))).toEqual([404, 'NOT_FOUND']);
    }
  });

  it('has no history for a tag that names a tree', async () => {
    expect(code(await get(repoId, 'commits?branch=tree-tag'))).toEqual([404, 'REF_NOT_FOUND']);
  });
});

describe('what may be seen', () => {
  it('answers for an empty repository with empty lists', async () => {
    const { repoId } = await newRepository(app, owner);
    expect((await get(repoId, 'branches')).json.data).toEqual({ branches: [] });
    expect((await get(repoId, 'commits')).json.data).toEqual({ commits: [] });
    expect((await get(repoId, 'commits?branch=main')).json.data).toEqual({ commits: [] });
    expect((await get(repoId, 'tree')).json.data).toEqual({ ref: 'main', path: '', entries: [] });
    expect(code(await get(repoId, 'tree?path=src'))).toEqual([404, 'NOT_FOUND']);
    expect(code(await get(repoId, 'contents/README.md'))).toEqual([404, 'NOT_FOUND']);
    expect(code(await get(repoId, 'commits?branch=other'))).toEqual([404, 'REF_NOT_FOUND']);
  });

  it('does not show commits that no ref reaches any more', async () => {
    const dir = await newWork('rewritten');
    const commit = async (...args: string[]) => {
      await sandbox.git(['commit', '-q', '--allow-empty', ...args], { cwd: dir });
      return (await sandbox.git(['rev-parse', 'HEAD'], { cwd: dir })).stdout.trim();
    };
    const first = await commit('-m', 'secret');
    const repoId = await pushed(dir, 'main');
    expect((await get(repoId, `commits?branch=${first}`)).status).toBe(200);
    await commit('--amend', '-m', 'clean');
    const url = `${app.url}/v1/repos/${repoId}`;
    await sandbox.git(['-c', gitAuthorization(app, owner, repoId), 'push', '-q', '-f', url, 'main'], { cwd: dir });
    for (const ref of [first, first.slice(0, 12)]) {
      expect(code(await get(repoId, `commits?branch=${ref}`))).toEqual([404, 'REF_NOT_FOUND']);
      expect(code(await get(repoId, `tree?ref=${ref}`))).toEqual([404, 'REF_NOT_FOUND']);
    }
  });

  it('shows a private repository to its readers only, in every form of signature', async () => {
    const { repoId } = await newRepository(app, owner, { visibility: 'private' });
    const stranger = await newAgent(app);
    for (const rest of ['branches', 'commits', 'tree', 'contents/x']) {
      const path = `/v1/repos/${repoId}/${rest}`;
      expect(code(await get(repoId, rest))).toEqual([404, 'REPO_NOT_FOUND']);
      const read = { action: 'repo_read', body: { repoId } };
      expect(code(await signedRequest(app, stranger, 'GET', path, read))).toEqual([404, 'REPO_NOT_FOUND']);
      for (const form of ['nested', 'flat', 'headers', 'query'] as const) {
        const { query, ...sent } = sign(owner, { ...read, form });
        const answer = await send(app.url, `${path}${query}`, sent);
        expect(answer.status, form).toBe(rest === 'contents/x' ? 404 : 200);
        expect(answer.json.error?.code, form).toBe(rest === 'contents/x' ? 'NOT_FOUND' : undefined);
        expect(answer.headers['cache-control']).toBe('no-store');
      }
    }
  });

  it.each(['branches', 'commits', 'tree', 'contents/x'])(
    'answers 404 for %s of an unknown repository',
    async (rest) => {
      expect(code(await get('00000000-0000-4000-8000-000000000000', rest))).toEqual([404, 'REPO_NOT_FOUND']);
      expect(code(await get('%00', rest))).toEqual([404, 'REPO_NOT_FOUND']);
    },
  );
});
