/** Does merges with the real `git merge-tree` and with ours, and tells where they differ. */
import { CommitGraph, encodeSegment, type SegmentCommit } from '../../src/git/graph/index.js';
import { mergeTrees, planMerge } from '../../src/git/merge/index.js';
import { commitLinks } from '../../src/git/objects/index.js';
import type { GitSandbox } from './git.js';
import { CountingMeter, MemoryObjects } from './git-objects.js';
import { type GitFault, gitFault } from './merge-faults.js';

export interface Outcome {
  clean: boolean;
  tree: string;
  conflicts: string[];
}

export interface Difference {
  ours: string;
  theirs: string;
  git: Outcome;
  own: Outcome;
}

export interface ReplayReport {
  merges: number;
  /** Of the merges, by git's word. */
  clean: number;
  conflicted: number;
  /** Merges with more than one base. */
  crissCross: number;
  /** Merges at which git itself went wrong, by fault: there is nothing to compare with. */
  gitFailed: Partial<Record<GitFault | 'failed assertion', number>>;
  differences: Difference[];
  /** Milliseconds that our side took, and the most of one merge. */
  millis: number;
  slowest: number;
}

/**
 * Merges pairs of commits. git's messages are off: only trees and conflicted paths are compared. Undefined where git
 * itself ended with a failed assertion; what it had printed is lost then, so the pairs are tried in smaller groups.
 */
export async function gitMerges(
  sandbox: GitSandbox,
  dir: string,
  pairs: readonly [string, string][],
): Promise<(Outcome | undefined)[]> {
  if (pairs.length === 0) return [];
  const args = ['merge-tree', '--write-tree', '--no-messages', '--name-only', '--stdin'];
  const input = pairs.map(([ours, theirs]) => `${ours} ${theirs}\n`).join('');
  const { code, stdout } = await sandbox.git(args, { cwd: dir, input, ok: false });
  if (code === 0) return parseOutcomes(stdout, pairs.length);
  if (pairs.length === 1) return [undefined];
  const half = pairs.length >> 1;
  const first = await gitMerges(sandbox, dir, pairs.slice(0, half));
  return [...first, ...(await gitMerges(sandbox, dir, pairs.slice(half)))];
}

function parseOutcomes(stdout: string, count: number): Outcome[] {
  const words = stdout.split('\0');
  const outcomes: Outcome[] = [];
  for (let at = 0; outcomes.length < count; ) {
    const [clean, tree] = [words[at] === '1', words[at + 1]!];
    const conflicts: string[] = [];
    for (at += 2; words[at] !== ''; at += 1) conflicts.push(words[at]!);
    at += 1;
    outcomes.push({ clean, tree, conflicts });
  }
  return outcomes;
}

/** The commits of a repository, parents first, as the graph that plans are made on. */
export async function loadGraph(sandbox: GitSandbox, dir: string, objects: MemoryObjects): Promise<CommitGraph> {
  const { stdout } = await sandbox.git(['rev-list', '--all', '--topo-order', '--reverse'], { cwd: dir });
  const commits = stdout
    .split('\n')
    .filter(Boolean)
    .map((oid): SegmentCommit => {
      return { oid, ...commitLinks(objects.read(oid)!.data) };
    });
  return CommitGraph.fromSegments([encodeSegment(commits, [])]);
}

/** Merges the parents of every commit with two of them. @param limit for trying things out */
export async function replayMerges(sandbox: GitSandbox, dir: string, limit = Infinity): Promise<ReplayReport> {
  const objects = MemoryObjects.fromRepository(dir);
  const graph = await loadGraph(sandbox, dir, objects);
  const pairs: [string, string][] = [];
  for (let index = 0; index < graph.size && pairs.length < limit; index += 1) {
    const parents = graph.parents(index);
    if (parents.length === 2) pairs.push(parents.map((parent) => graph.oid(parent)) as [string, string]);
  }
  const expected = await gitMerges(sandbox, dir, pairs);
  const report: ReplayReport = {
    merges: pairs.length,
    clean: expected.filter((outcome) => outcome?.clean === true).length,
    conflicted: expected.filter((outcome) => outcome?.clean === false).length,
    crissCross: 0,
    gitFailed: {},
    differences: [],
    millis: 0,
    slowest: 0,
  };
  for (const [i, [ours, theirs]] of pairs.entries()) {
    const started = performance.now();
    const plan = planMerge(graph, graph.indexOf(ours), graph.indexOf(theirs));
    const { tree, conflicts } = mergeTrees(objects, plan, new CountingMeter(), { ours, theirs });
    const millis = performance.now() - started;
    report.millis += millis;
    report.slowest = Math.max(report.slowest, millis);
    if (plan.base.kind === 'merged') report.crissCross += 1;
    const git = expected[i];
    const own: Outcome = { clean: conflicts.length === 0, tree, conflicts };
    if (git !== undefined && !differ(git, own)) continue;
    const fault = git === undefined ? 'failed assertion' : await gitFault(sandbox, dir, [ours, theirs], plan, git);
    if (fault !== undefined) report.gitFailed[fault] = (report.gitFailed[fault] ?? 0) + 1;
    else report.differences.push({ ours, theirs, git: git!, own });
  }
  return report;
}

function differ(git: Outcome, own: Outcome): boolean {
  if (git.clean !== own.clean || git.tree !== own.tree) return true;
  // Where only the place of a file is unclear git names no path, while an answer without paths would mean "clean".
  return git.conflicts.length > 0 && git.conflicts.join('\0') !== own.conflicts.join('\0');
}
