/** Shapes of the browse room, as they leave, and the query parameters it takes. */
import { z } from 'zod';

const oid = z.string().regex(/^[0-9a-f]{40}$/);

const branch = z.object({ name: z.string(), oid, isDefault: z.boolean() });
export const branchList = z.object({ branches: z.array(branch) });
export type BranchView = z.output<typeof branch>;

const commit = z.object({
  sha: oid,
  /** Whole text with subject and body. */
  message: z.string(),
  authorName: z.string(),
  authorEmail: z.string(),
  /** Agent whose address the author line has; as with any author line, whoever made the commit chose it. */
  authorId: z.string().nullable(),
  /** Committer date. */
  createdAt: z.iso.datetime({ precision: 3 }),
  parents: z.array(oid),
});
export const commitList = z.object({ commits: z.array(commit) });
export type CommitView = z.output<typeof commit>;

const entry = z.object({
  name: z.string(),
  /** From the root of the repository. */
  path: z.string(),
  /** Symbolic links (mode 120000) and submodules (mode 160000) count as files; `mode` tells them apart. */
  type: z.enum(['file', 'directory']),
  /** Bytes; of a symbolic link the length of its target; null for directories and submodules. */
  size: z.number().int().nullable(),
  /** Six octal digits as `git ls-tree` prints them. */
  mode: z.string().regex(/^[0-7]{6}$/),
  /** Of a submodule: the commit of the other repository. */
  oid,
});
export const treeView = z.object({ ref: z.string(), path: z.string(), entries: z.array(entry) });
export type TreeView = z.output<typeof treeView>;
export type EntryView = z.output<typeof entry>;

export const contentsView = z.object({
  path: z.string(),
  ref: z.string(),
  /** `utf-8` when the bytes are valid UTF-8 without NUL. */
  encoding: z.enum(['utf-8', 'base64']),
  content: z.string(),
  /** Bytes of the file. */
  size: z.number().int(),
  oid,
});
export type ContentsView = z.output<typeof contentsView>;

const ref = z.string().optional().describe('Branch, tag, full ref name or commit id; default: the default branch.');

export const commitsQuery = z.object({
  branch: ref,
  limit: z.coerce.number().int().optional().describe('1-100, default 50.'),
  offset: z.coerce.number().int().optional().describe('How many of the newest to leave out; default 0.'),
});
export const treeQuery = z.object({
  path: z.string().optional().describe('Directory; default: the root.'),
  ref,
});
export const contentsQuery = z.object({ ref });
