import { Readable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import { GitSandbox } from '../../../test/support/git.js';
import { mergeHistory } from '../../../test/support/merge-history.js';
import { type ReplayReport, replayMerges } from '../../../test/support/merge-replay.js';
import { topicHistory } from '../../../test/support/topic-history.js';

interface History {
  stream: () => Iterable<Buffer>;
  commits: number;
  /** Least share of the merges that must be of this kind, so that the history tests what it is meant to. */
  clean: number;
  conflicted: number;
  crissCross: number;
}

/** All hold renames, moved folders, criss-cross merges and binary files; see merge-tree.ts. */
const HISTORIES: [string, History][] = [
  [
    'a project of several thousand commits with topic branches',
    {
      stream: () => topicHistory({ seed: 13, commits: 3200 }),
      commits: 3200,
      clean: 0.6,
      conflicted: 0.1,
      crissCross: 0.02,
    },
  ],
  [
    'a project whose branches all merge each other',
    {
      stream: () => mergeHistory({ seed: 11, commits: 1000, files: 30, wild: 0.01 }),
      commits: 1000,
      clean: 0.1,
      conflicted: 0.5,
      crissCross: 0.1,
    },
  ],
  [
    'a project where every kind of thing replaces every other',
    {
      stream: () => mergeHistory({ seed: 12, commits: 300, files: 40, wild: 0.15 }),
      commits: 300,
      clean: 0.1,
      conflicted: 0.5,
      crissCross: 0.1,
    },
  ],
];
/** Of a hundred merges, those at which git itself may go wrong; see merge-faults.ts. */
const MAX_GIT_FAULTS = 3;

const sandbox = new GitSandbox();
afterAll(() => sandbox.dispose());

async function replay(name: string, stream: Iterable<Buffer>): Promise<ReplayReport> {
  const dir = sandbox.path(name.replaceAll(' ', '-'));
  await sandbox.git(['init', '-q', '--bare', dir]);
  await sandbox.git(['fast-import', '--quiet', '--done'], { cwd: dir, input: Readable.from(stream) });
  return replayMerges(sandbox, dir);
}

test.each(HISTORIES)(
  'merges as git does in %s',
  async (name, { stream, commits, clean, conflicted, crissCross }) => {
    const report = await replay(name, stream());
    console.log(JSON.stringify({ ...report, differences: report.differences.length }));
    const { merges, gitFailed, differences } = report;
    expect(merges).toBeGreaterThan(commits / 4);
    expect(report.clean).toBeGreaterThan(merges * clean);
    expect(report.conflicted).toBeGreaterThan(merges * conflicted);
    expect(report.crissCross).toBeGreaterThan(merges * crissCross);
    const faults = Object.values(gitFailed).reduce((sum, count) => sum + count, 0);
    expect(faults).toBeLessThanOrEqual((merges * MAX_GIT_FAULTS) / 100);
    expect(differences).toEqual([]);
  },
  300_000,
);
