/** Tells mechanically that a merge by git itself went wrong, so that there is nothing to compare with. */
import type { MergeInput, MergePlan } from '../../src/git/merge/index.js';
import type { GitSandbox } from './git.js';

/** Why a tree that git merged cannot be right. */
export type GitFault =
  /** An entry without an id, which `git fsck` rejects. */
  | 'no id'
  /** A file that is the same in both commits is gone; no rule of merging takes it away. */
  | 'common file lost'
  /** A file that is the same in both commits and all their best common ancestors is named as conflicted. */
  | 'unchanged file overwritten'
  /** A file that only one of the commits has is gone, and no message says why. */
  | 'added file lost';

/** Files by path; the value is mode, type and id. */
type Files = ReadonlyMap<string, string>;

export interface GitResult {
  tree: string;
  conflicts: readonly string[];
}

/**
 * Looks for a fault in what git made of a merge, by git's own listing of the trees. Git up to 2.50 does not open a
 * folder that it took as a whole when a folder rename leads into it: it forgets what is in there, or does not see that
 * the place is taken.
 */
export async function gitFault(
  sandbox: GitSandbox,
  dir: string,
  [ours, theirs]: readonly [string, string],
  plan: MergeInput,
  git: GitResult,
): Promise<GitFault | undefined> {
  const list = async (tree: string): Promise<Files> => {
    const { stdout } = await sandbox.git(['ls-tree', '-r', '-z', tree], { cwd: dir });
    const lines = stdout.split('\0').filter(Boolean);
    return new Map(lines.map((line) => [line.slice(line.indexOf('\t') + 1), line.slice(0, line.indexOf('\t'))]));
  };
  const [merged, a, b] = await Promise.all(
    [git.tree, ours, theirs].map(list) as [Promise<Files>, Promise<Files>, Promise<Files>],
  );
  if ([...merged.values()].some((entry) => entry.includes('0'.repeat(40)))) return 'no id';
  const bases = await Promise.all(bestAncestors(plan.base).map(list));
  const unchanged = (path: string, entry: string) => [b, ...bases].every((files) => files.get(path) === entry);
  for (const [path, entry] of a) {
    if (b.get(path) === entry && !merged.has(path)) return 'common file lost';
    if (git.conflicts.includes(path) && unchanged(path, entry)) return 'unchanged file overwritten';
  }
  const added = [a, b].flatMap((files, side) => [...files.keys()].filter((path) => ![a, b][1 - side]!.has(path)));
  const older = await Promise.all([...new Set(leaves(plan.base))].map(list));
  const lost = added.filter((path) => !merged.has(path) && older.every((files) => !files.has(path)));
  if (lost.length === 0) return undefined;
  const { stdout } = await sandbox.git(['merge-tree', '--write-tree', '-z', ours, theirs], { cwd: dir, ok: false });
  return lost.some((path) => !stdout.includes(path)) ? 'added file lost' : undefined;
}

/** Only these count for "unchanged": what all of them have, a base merged from them has too. */
function bestAncestors(plan: MergePlan): string[] {
  return plan.kind === 'tree' ? [plan.oid] : [plan.ours, plan.theirs].flatMap(bestAncestors);
}

/** The trees of which a base was made; no path of a base comes from anywhere else. */
function leaves(plan: MergePlan): string[] {
  return plan.kind === 'tree' ? [plan.oid] : [plan.base, plan.ours, plan.theirs].flatMap(leaves);
}
