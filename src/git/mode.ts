/** File modes a tree entry may have (git's tree format), as they are written: octal without leading zero. */
export const MODES = {
  tree: 0o40000,
  file: 0o100644,
  groupWritableFile: 0o100664,
  executable: 0o100755,
  symlink: 0o120000,
  gitlink: 0o160000,
} as const;

const FORMAT = 0o170000;
const REGULAR = 0o100000;

export function isTree(mode: number): boolean {
  return (mode & FORMAT) === MODES.tree;
}

export function isSymlink(mode: number): boolean {
  return (mode & FORMAT) === MODES.symlink;
}

/**
 * True for a submodule entry, whose id names a commit of another repository. As in git, every mode that is neither
 * file, link nor directory counts as one: such entries exist in old histories and nothing may be looked up for them.
 */
export function isGitlink(mode: number): boolean {
  const format = mode & FORMAT;
  return format !== MODES.tree && format !== REGULAR && format !== MODES.symlink;
}
