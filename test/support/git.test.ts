import { afterAll, describe, expect, it } from 'vitest';
import { GitSandbox } from './git.js';

const sandbox = new GitSandbox();
afterAll(() => sandbox.dispose());

describe('GitSandbox', () => {
  it('builds a history with every shape the stories need, the same for the same seed', async () => {
    const options = { seed: 7, commits: 400, merges: 40, branches: 4, tags: 6 };
    const first = await sandbox.seedHistory(options);
    const second = await sandbox.seedHistory({ ...options, bare: true });
    const other = await sandbox.seedHistory({ ...options, seed: 8, bare: true });
    expect(second.refs).toEqual(first.refs);
    expect(other.head).not.toBe(first.head);
    expect([...first.refs.keys()].filter((name) => name.startsWith('refs/heads/'))).toHaveLength(5);
    expect([...first.refs.keys()].filter((name) => name.startsWith('refs/tags/'))).toHaveLength(6);

    const lines = async (...args: string[]) =>
      (await sandbox.git(args, { cwd: first.dir })).stdout.split('\n').filter(Boolean);
    expect(await lines('rev-list', '--all')).toHaveLength(400);
    expect(await lines('rev-list', '--all', '--merges')).toHaveLength(40);
    expect((await lines('rev-list', '--all', '--min-parents=3')).length).toBeGreaterThan(0);
    const kinds = (await lines('log', '--all', '-M', '--format=', '--name-status')).map((line) => line[0]);
    expect(new Set(kinds)).toEqual(new Set(['A', 'M', 'D', 'R']));
    const modes = (await lines('log', '--all', '--format=', '--raw')).map((line) => line.split(' ')[1]);
    expect(new Set(modes)).toEqual(new Set(['100644', '100755', '120000', '000000']));
    expect(await lines('tag', '--format=%(objecttype)>%(*objecttype)')).toContain('tag>tag');
    await sandbox.git(['fsck', '--strict'], { cwd: first.dir });
    expect(await lines('status', '--porcelain')).toEqual([]);
  });

  it('builds 5,000 commits within seconds', { timeout: 60_000 }, async () => {
    const { dir } = await sandbox.seedHistory({ commits: 5000, bare: true });
    expect((await sandbox.git(['rev-list', '--count', '--all'], { cwd: dir })).stdout).toBe('5000\n');
  });

  it('throws with the words of git unless a failure is asked for', async () => {
    await expect(sandbox.git(['rev-parse', 'nowhere'])).rejects.toThrow(/not a git repository/);
    expect((await sandbox.git(['rev-parse', 'nowhere'], { ok: false })).code).toBe(128);
  });
});
