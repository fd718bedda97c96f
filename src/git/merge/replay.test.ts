import { Readable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { GitSandbox } from '../../../test/support/git.js';
import { type MergeHistoryOptions, mergeHistory } from '../../../test/support/merge-history.js';
import { type ReplayReport, replayMerges } from '../../../test/support/merge-replay.js';

/** Both histories hold renames, moved folders, criss-cross merges and binary files; see merge-tree.ts. */
const HISTORIES: [string, MergeHistoryOptions][] = [
  ['a project of a thousand commits', { seed: 11, commits: 1000, files: 30, wild: 0.01 }],
  ['a project where every kind of thing replaces every other', { seed: 12, commits: 300, files: 40, wild: 0.15 }],
];
/** Of a hundred merges with conflicts, those whose conflicted tree or list of paths may differ (git/README.md). */
const MAX_CONFLICTS_APART = 3;

const sandbox = new GitSandbox();
afterAll(() => sandbox.dispose());

async function replay(options: MergeHistoryOptions): Promise<ReplayReport> {
  const dir = sandbox.path(`history-${options.seed}`);
  await sandbox.git(['init', '-q', '--bare', dir]);
  const input = Readable.from(mergeHistory(options));
  await sandbox.git(['fast-import', '--quiet', '--done'], { cwd: dir, input });
  return replayMerges(sandbox, dir);
}

test.each(HISTORIES)(
  'merges as git does in %s',
  async (_, options) => {
    const report = await replay(options);
    console.log(JSON.stringify({ ...report, differences: report.differences.length }));
    expect(report.merges).toBeGreaterThan(options.commits / 4);
    expect(report.clean).toBeGreaterThan(report.merges / 10);
    expect(report.crissCross).toBeGreaterThan(report.merges / 10);
    const { differences } = report;
    expect(differences.filter(({ git, own }) => git.clean || own.clean)).toEqual([]);
    expect(differences.length).toBeLessThanOrEqual((report.conflicted * MAX_CONFLICTS_APART) / 100);
  },
  300_000,
);
