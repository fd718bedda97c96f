/** Pushes out of shallow clones, to us and to git with receive.shallowUpdate=false: the same verdict for each ref. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GitSandbox, type SeededRepository } from '../support/git.js';
import { gitAuthorization, startGitApp } from '../support/git-app.js';
import { newAgent, newRepository, type TestAgent, type TestApp } from '../support/http.js';

const sandbox = new GitSandbox();
const git = async (cwd: string, ...args: string[]) => (await sandbox.git(args, { cwd })).stdout.trim();

let app: TestApp;
let owner: TestAgent;
let source: SeededRepository;
/** A shallow clone with a branch of its own whose history is whole. */
let copy: string;
let count = 0;
let ours: { url: string; auth: string[] };
let theirs: string;

beforeAll(async () => {
  app = await startGitApp();
  owner = await newAgent(app);
  source = await sandbox.seedHistory({ seed: 77, commits: 40, merges: 4, bare: true });
  copy = sandbox.path('copy');
  await git(sandbox.root, 'clone', '-q', '--depth=2', `file://${source.dir}`, copy);
  const commit = (message: string) => git(copy, 'commit', '-q', '--allow-empty', '-m', message);
  await git(copy, 'tag', '-a', '-m', 'cut', 'cut-tag');
  await git(copy, 'checkout', '-q', '-b', 'above');
  await commit('above the border');
  await git(copy, 'checkout', '-q', '--orphan', 'island');
  await commit('whole by itself');
  await commit('and more');
  await git(copy, 'tag', '-a', '-m', 'whole', 'whole-tag');
  await git(copy, 'tag', '-a', '-m', 'a file', 'file-tag', 'HEAD^{tree}');
  await git(copy, 'checkout', '-q', '-b', 'bridge');
  await git(copy, 'merge', '-q', '--allow-unrelated-histories', '-s', 'ours', '-m', 'both', 'main');
});
afterAll(async () => {
  await app?.close();
  sandbox.dispose();
});

beforeEach(async () => {
  count += 1;
  const repo = await newRepository(app, owner);
  ours = { url: repo.cloneUrl, auth: [] };
  Object.defineProperty(ours, 'auth', { get: () => ['-c', gitAuthorization(app, owner, repo.repoId)] });
  theirs = sandbox.path(`theirs-${count}.git`);
  await git(sandbox.root, 'init', '-q', '--bare', theirs);
});

/** Per ref the flag and, for refusals, the reason up to the advice that only we give. */
async function push(config: string[], url: string, refs: string[]) {
  const { stdout } = await sandbox.git([...config, 'push', '--porcelain', url, ...refs], { cwd: copy, ok: false });
  const lines = stdout.split('\n').map((line) => line.split('\t'));
  const verdicts = lines
    .filter((parts) => parts.length === 3)
    .map(([flag, names = '', text = '']) => {
      const reason = flag === '!' ? /\((?:atomic )?[a-z ]+/.exec(text)?.[0] : undefined;
      return [names.slice(names.indexOf(':') + 1), flag, reason];
    });
  return verdicts.sort();
}

async function both(...refs: string[]) {
  const one = await push(ours.auth, ours.url, refs);
  expect(one).toEqual(await push([], theirs, refs));
  const listed = async (config: string[], url: string) =>
    (await git(copy, ...config, 'ls-remote', url, 'refs/*')).split('\n').sort();
  expect(await listed(ours.auth, ours.url)).toEqual(await listed([], theirs));
  return Object.fromEntries(one.map(([name, flag]) => [name?.replace(/^refs\/(heads|tags)\//, ''), flag]));
}

/** A new clone of ours is whole and has nothing that the other side has not. */
async function expectSound() {
  const dir = sandbox.path(`check-${count}-${Math.random().toString(36).slice(2)}`);
  await sandbox.git([...ours.auth, 'clone', '-q', '--mirror', ours.url, dir]);
  expect(await git(dir, 'fsck', '--strict', '--full')).toBe('');
  const all = (path: string) => git(path, 'rev-list', '--objects', '--no-object-names', '--all');
  expect((await all(dir)).split('\n').sort()).toEqual((await all(theirs)).split('\n').sort());
}

describe('a push out of a shallow clone', () => {
  test('to an empty repository: what has its whole history is taken, the rest is refused, ref by ref', async () => {
    const verdicts = await both('main', 'above', 'bridge', 'island', 'cut-tag', 'whole-tag', 'file-tag');
    expect(verdicts).toEqual({
      ...{ main: '!', above: '!', bridge: '!', 'cut-tag': '!' },
      ...{ island: '*', 'whole-tag': '*', 'file-tag': '*' },
    });
    await expectSound();
  });

  test('beside deletions, moves and refs that need nothing', async () => {
    await both('island~1:refs/heads/island', 'island~1:refs/heads/old');
    const verdicts = await both('main', 'island', ':old', 'island~1:refs/heads/same');
    expect(verdicts).toEqual({ main: '!', island: ' ', old: '-', same: '*' });
    await expectSound();
  });

  test('is taken whole when the other side has what is behind the border', async () => {
    for (const [config, url] of [
      [ours.auth, ours.url],
      [[], theirs],
    ] as const) {
      await git(source.dir, ...config, 'push', '-q', url, 'main');
    }
    expect(await both('above', 'bridge', 'cut-tag', 'island')).toEqual({
      above: '*',
      bridge: '*',
      'cut-tag': '*',
      island: '*',
    });
    await expectSound();
  });

  test('that is atomic is refused as one, where git takes the refs that are whole', async () => {
    const refs = ['--atomic', 'main', 'island'];
    expect((await push(ours.auth, ours.url, refs)).map(([, flag]) => flag)).toEqual(['!', '!']);
    expect(await git(copy, ...ours.auth, 'ls-remote', ours.url)).toBe('');
    expect((await push([], theirs, refs)).map(([, flag]) => flag)).toEqual(['*', '!']);
  });

  test('never makes the repository shallow, as git does with receive.shallowUpdate=true', async () => {
    await git(theirs, 'config', 'receive.shallowUpdate', 'true');
    expect((await push([], theirs, ['main'])).map(([, flag]) => flag)).toEqual(['*']);
    expect((await push(ours.auth, ours.url, ['main'])).map(([, flag]) => flag)).toEqual(['!']);
  });
});
